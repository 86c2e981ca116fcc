"""Experiments of published systems, each as one command that ends in a table and a page."""
