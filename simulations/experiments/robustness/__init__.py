"""The robustness experiment: every rule under every attack, on two tasks."""
