"""The micro-gesture experiment: what clips without labels give, and what hyperedges give."""
