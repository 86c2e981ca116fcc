"""Noise that rounds share, so that of the sum of all rounds there is little: tree aggregation."""

import hashlib
from collections.abc import Sequence

import numpy as np

from isofed.config import within
from isofed.protocols.noise import normals
from isofed.protocols.step import Promise, Step, Use
from isofed.protocols.steps.noisy_sum import noisy_sum

NODES = "tree"


def tree(noise: float, honaker: bool = False, delta: float = 1e-5) -> Step:
    """Add to a round's sum the difference of two trees' noise: Σ Δ_i + z C (T(t) - T(t-1)).

    T(t) is the noise of the dyadic nodes into which rounds 1 to t fall, one standard normal vector a node:
    the sum of all rounds so has the noise of at most ⌈log₂(t + 1)⌉ nodes, and independent noise would have
    that of t. With ``honaker`` a node's noise is the estimate of least variance from all nodes below it. No
    sampling makes it smaller, and none has to be secret.

    A node's noise comes from the server's secrets and from the sum of the round that completes it: nothing
    but a mark of that sum is kept between rounds, and a round that is done again on another sum has other
    noise.

    Args:
        noise: z, standard deviation of a node's noise in units of C; above 0.
        honaker: whether estimates are completed from below; a round then draws twice as often on average.
        delta: see :class:`~isofed.protocols.step.Promise`.

    Source: Kairouz et al., Practical and Private (Deep) Learning without Sampling or Shuffling, 2021,
    algorithms 1 and 2; Honaker, Efficient Use of Differentially Private Binary Trees, 2015 (from below).
    Differs from the paper in: it is added to each round's sum, before any server optimiser, which makes
    DP-FTRL of plain steps and is post-processing for others.
    """
    within("noise", noise, 1e-9, 1e9)

    def noisy(total: np.ndarray, use: Use) -> np.ndarray:
        marks = (*use.kept.get(NODES, ()), mark(total, use))
        return total + noise * use.limit * _difference(use, marks, len(total), honaker)

    def kept(total: np.ndarray, use: Use) -> dict[str, list[str]]:
        return {NODES: [*use.kept.get(NODES, ()), mark(total, use)]}

    call = f"tree(noise={noise}, honaker={honaker})"
    return noisy_sum(call, noisy, Promise("tree", noise, delta), kept)


def mark(total: np.ndarray, use: Use) -> str:
    """Return 16 digits that stand for a sum, from which nobody without the server's secrets tells it."""
    assert use.secrets is not None
    purpose = f"mark of {hashlib.sha256(total.tobytes()).hexdigest()}"
    return use.secrets.derive(use.round, 0, purpose).hex()[:16]


def _difference(use: Use, marks: Sequence[str], size: int, honaker: bool) -> np.ndarray:
    """Return T(t) - T(t-1), (size,): what round t completes, less the nodes that it takes the place of."""
    made, done = _node(use, marks, size, 0, len(marks)), np.zeros(size)
    level, at = 0, len(marks)
    while at % 2 ** (level + 1) == 0:
        left = _estimate(use, marks, size, level, at - 2**level, honaker)
        done, level = done + left, level + 1
        made = _joined(_node(use, marks, size, level, at), left, made, level, honaker)
    return made - done


def _estimate(use: Use, marks: Sequence[str], size: int, level: int, at: int, honaker: bool) -> np.ndarray:
    """Return the noise of the node whose last round is ``at``."""
    own = _node(use, marks, size, level, at)
    if not honaker or level == 0:
        return own
    left = _estimate(use, marks, size, level - 1, at - 2 ** (level - 1), honaker)
    return _joined(own, left, _estimate(use, marks, size, level - 1, at, honaker), level, honaker)


def _joined(own: np.ndarray, left: np.ndarray, right: np.ndarray, level: int, honaker: bool) -> np.ndarray:
    if not honaker:
        return own
    below = 2.0 * variance(level - 1)
    return (below * own + left + right) / (1.0 + below)


def variance(level: int) -> float:
    """Return the variance of a completed node's noise: v_0 = 1, 1 / v_l = 1 + 1 / (2 v_(l-1))."""
    return 1.0 if level == 0 else 1.0 / (1.0 + 0.5 / variance(level - 1))


def _node(use: Use, marks: Sequence[str], size: int, level: int, at: int) -> np.ndarray:
    assert use.secrets is not None
    return normals(use.secrets.derive(at, 0, f"tree node {level} {marks[at - 1]}"), size)
