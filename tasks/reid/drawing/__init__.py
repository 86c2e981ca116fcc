"""Drawing persons as cameras would see them."""
