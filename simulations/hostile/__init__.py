"""Simulated attacks: what some sites send, or train on, in the place of what they should."""
