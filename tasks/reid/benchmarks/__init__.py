"""Evaluation: galleries, exclusions, metrics that merge."""
