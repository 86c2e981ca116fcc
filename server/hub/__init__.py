"""The server of a deployed federation: its authority, its gateway, its register of sites."""
