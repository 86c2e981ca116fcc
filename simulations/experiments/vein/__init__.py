"""Finger vein: pretrained on drawn fingers, fine-tuned on a few of an unseen sensor, alone and together."""
