"""The self-contained HTML report of a run: one file, no requests, readable without JavaScript."""

from isofed.simulations.report.gallery import Gallery, GalleryRow, Hit
from isofed.simulations.report.page import write_report

__all__ = ["Gallery", "GalleryRow", "Hit", "write_report"]
