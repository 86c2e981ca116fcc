"""The cost of privacy: accuracy against epsilon, on every task."""
