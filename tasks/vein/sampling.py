"""Which pictures each step of a round shows, where few fingers are to show several each."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def by_finger(labels: Rows, batch: int, each: int, epochs: int, rng: np.random.Generator) -> Rows:
    """Return (steps, P K) int64: E passes in steps of P = B / K fingers with K pictures of each.

    In a pass every finger's pictures are shuffled and cut into groups of K, the last filled up with the first
    of the same finger. Groups are dealt in turns, in each of which a finger gives one and fingers come in a
    new order; the last step is filled up with the first groups of the pass.

    Args:
        labels: (N,) the fingers.
        batch: B, a multiple of K.
        each: K, 2 or more.
        epochs: E.
        rng: where the draws come from.

    Source: the P x K batches of Hermans et al., "In defense of the triplet loss for person
    re-identification", 2017. Differs in: every picture is shown in every pass; of fewer than P fingers there
    are all in a step.
    """
    fingers = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    width = min(batch // each, len(fingers))
    return np.concatenate([_pass(fingers, width, each, rng) for _ in range(epochs)])


def _pass(fingers: list[Rows], width: int, each: int, rng: np.random.Generator) -> Rows:
    groups = np.array(list(_dealt(fingers, each, rng)))
    steps = -(-len(groups) // width)
    return np.resize(groups, (steps, width * each))


def _dealt(fingers: list[Rows], each: int, rng: np.random.Generator) -> Iterator[Rows]:
    cut = [np.resize(rng.permutation(rows), (-(-len(rows) // each), each)) for rows in fingers]
    for turn in range(max(map(len, cut))):
        yield from (cut[finger][turn] for finger in rng.permutation(len(cut)) if turn < len(cut[finger]))
