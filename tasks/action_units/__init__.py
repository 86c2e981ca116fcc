"""Action units of micro-expressions across databases: InfuseNet under CD6ME (2025)."""
