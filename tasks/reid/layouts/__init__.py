"""The published folder layouts: readers, writers, checks."""
