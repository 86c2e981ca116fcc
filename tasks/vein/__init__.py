"""Finger vein: a generator of annotated images (FVeinSyn, 2025) and recognition across sensors."""
