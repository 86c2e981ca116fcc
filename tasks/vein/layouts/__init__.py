"""Finger vein databases as they are published: reading, checking, writing small ones, cropping."""
