"""The largest entries of an update alone."""

import math

import numpy as np

from isofed.config import within
from isofed.protocols.step import Step


def top_k(fraction: float) -> Step:
    """Keep the k = ⌈p·d⌉ largest of an update's d entries by magnitude, and set the others to zero.

    Of entries alike, those that stand first stay. The others are lost: nothing is kept for the next round.
    The message is as long as without this step, zeros included.

    Args:
        fraction: p, above 0 and at most 1, which keeps all.

    Source: Aji and Heafield, Sparse Communication for Distributed Gradient Descent, 2017, section 3. Differs
    from the paper in: what is left out is not added to the next update, and one threshold holds for all.
    """
    within("fraction", fraction, 1e-9, 1.0)
    return Step(f"top_k(fraction={fraction})", client=lambda update, use: largest(update, fraction))


def largest(update: np.ndarray, fraction: float) -> np.ndarray:
    """Return ``update``, (d,), with zeros for all but its ⌈fraction · d⌉ largest entries."""
    size = len(update)
    kept = min(size, math.ceil(fraction * size))
    if kept == size:
        return update
    magnitude = np.abs(update)
    least = np.partition(magnitude, size - kept)[size - kept]
    keep = magnitude > least
    keep[np.flatnonzero(magnitude == least)[: kept - int(keep.sum())]] = True
    return np.where(keep, update, 0.0)
