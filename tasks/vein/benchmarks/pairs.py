"""All comparisons of many embeddings, block by block: O(block^2) memory, no loop over pairs.

The score is the cosine, computed in float32; see tasks/vein/benchmarks/tally.py for what is kept of it.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks.tally import Tally, empty, merged, tally

BLOCK = 512  # embeddings of either side compared at a time: what fits into a cache
Singles = NDArray[np.float32]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


def unit(features: NDArray[np.floating]) -> Singles:
    """Return the rows of (N, D) divided by their lengths; a row of zeros stays one.

    Raises:
        DataError: a feature is NaN or infinite.
    """
    if not np.isfinite(features).all():
        raise DataError("a feature is not finite; expected numbers: the model has diverged, lower its rate")
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.where(lengths > 0, lengths, 1), np.float32)


def within(features: Singles, ids: Integers, block: int = BLOCK) -> Tally:
    """Tally every pair of different rows once.

    Args:
        features: (N, D) unit vectors.
        ids: (N,) the finger that each row shows.
        block: rows compared at a time, at least 1; a matter of memory and speed.
    """
    return merged(tally(*part) for part in _pairs(features, ids, block))


def across(
    enrolled: Singles, enrolled_ids: Integers, probes: Singles, probe_ids: Integers, block: int = BLOCK
) -> Tally:
    """Tally every probe against every enrolled row; arguments as of :func:`within`."""
    total = empty()
    for rows in _blocks(len(probes), block):
        for columns in _blocks(len(enrolled), block):
            scores = probes[rows] @ enrolled[columns].T
            total += tally(scores.ravel(), (probe_ids[rows, None] == enrolled_ids[columns]).ravel())
    return total


def identified(
    gallery: Singles, gallery_ids: Integers, probes: Singles, probe_ids: Integers, block: int = BLOCK
) -> Tally:
    """Count the probes whose own finger is more alike than any other in the gallery: rank-1.

    A tie is a miss, and so is a probe whose finger is not enrolled.

    Args:
        gallery, probes: unit vectors, (N, D) and (M, D).
        gallery_ids, probe_ids: (N,) and (M,) the finger that each row shows.
        block: probes compared at a time, at least 1.
    """
    hits = 0
    for rows in _blocks(len(probes), block):
        best = np.full((2, len(probe_ids[rows])), -np.inf, np.float32)
        for columns in _blocks(len(gallery), block):
            own = probe_ids[rows, None] == gallery_ids[columns]
            best = np.maximum(best, _best(probes[rows] @ gallery[columns].T, own))
        hits += int((best[1] > best[0]).sum())
    nothing = empty()
    return Tally(nothing.counts, nothing.sums, nothing.squares, hits, len(probes))


def listed(features: Singles, ids: Integers, block: int = BLOCK) -> tuple[Singles, Singles]:
    """Return the genuine and the impostor scores of every pair of different rows: O(N^2) memory."""
    parts = list(_pairs(features, ids, block))
    scores, same = (np.concatenate(part) for part in zip(*parts, strict=True))
    return scores[same], scores[~same]


def _best(scores: Singles, own: Booleans) -> Singles:
    """Return of each row the best score among strangers and among its own: (2, rows)."""
    apart = (np.where(own, -np.inf, scores), np.where(own, scores, -np.inf))
    return np.stack([side.max(axis=1) for side in apart]).astype(np.float32)


def _pairs(features: Singles, ids: Integers, block: int) -> Iterator[tuple[Singles, Booleans]]:
    """Yield (scores, same finger) of the pairs of two blocks, each pair once."""
    for number, rows in enumerate(_blocks(len(ids), block)):
        for columns in list(_blocks(len(ids), block))[number:]:
            scores = features[rows] @ features[columns].T
            same = ids[rows, None] == ids[columns]
            if rows == columns:
                upper = np.triu_indices(len(scores), 1)
                yield scores[upper], same[upper]
            else:
                yield scores.ravel(), same.ravel()


def _blocks(count: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, count)) for start in range(0, count, size))
