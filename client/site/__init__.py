"""A deployed site: its keys, its policy, its processes."""
