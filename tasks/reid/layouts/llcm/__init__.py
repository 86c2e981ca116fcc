"""LLCM."""
