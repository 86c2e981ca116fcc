"""Skeletons of micro-gestures as they are published: reading, splitting, checking, writing small trees."""
