"""Finger vein databases as they are published: reading, checking, writing small ones, cutting out the finger."""
