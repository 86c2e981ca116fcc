"""Shuffled passes over a site's samples, for tasks whose batches have no structure."""

import numpy as np
from numpy.typing import NDArray


def passes(count: int, batch: int, epochs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return (E ceil(N / B), B) int64: E shuffled passes over N samples.

    The last batch of a pass is filled up with the first samples of the same pass; of fewer than B samples
    batches hold N.

    Args:
        count: N, >= 1.
        batch: B.
        epochs: E.
        rng: where the draws come from.
    """
    size = min(batch, count)
    steps = -(-count // size)
    return np.concatenate([np.resize(rng.permutation(count), (steps, size)) for _ in range(epochs)])
