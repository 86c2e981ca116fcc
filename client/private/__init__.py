"""Differential privacy of a site's own training: Poisson draws, gradients of single units, clips, noise."""
