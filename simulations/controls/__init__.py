"""The honest controls: what the result would be without each thing that is said to matter."""

from isofed.simulations.controls.runs import announce, run
from isofed.simulations.controls.words import text

__all__ = ["announce", "run", "text"]
