"""Skeletons that are drawn: bodies that breathe and sway, and what hands do meanwhile."""
