"""Runs side by side: those that differ only in their seeds together, one table, curves, one page."""

from isofed.simulations.compare.write import compare

__all__ = ["compare"]
