"""Emotion from micro-gestures of the body: a hypergraph-enhanced Transformer over skeletons (2025)."""
