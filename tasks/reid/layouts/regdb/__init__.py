"""RegDB: one visible and one thermal camera side by side, ten published splits."""
