"""SYSU-MM01."""
