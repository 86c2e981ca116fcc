"""How far generated pictures of fingers are from published ones, measured on both in the same way."""
