"""Faces on which action units move the right region, frame by frame."""
