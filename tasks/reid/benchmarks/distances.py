"""Distances between embeddings, the same to the last bit however the work is cut into blocks.

A matrix product sums in an order that hangs on block shapes and thread counts. It is therefore done
in float64 and rounded to float32: the order touches only digits that rounding removes, and two
gallery images with one embedding are exactly tied for every query.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """How embeddings are compared.

    Attributes:
        prepare: features (N, D) -> float64 (N, D), done once for each side.
        compare: prepared queries (Q, D) and gallery (G, D) -> float64 (Q, G), smaller is nearer.
    """

    prepare: Callable[[NDArray[np.floating]], Doubles]
    compare: Callable[[Doubles, Doubles], Doubles]

    def between(self, query: NDArray[np.floating], gallery: Doubles) -> NDArray[np.float32]:
        """Return distances float32 (Q, G) from raw queries (Q, D) to a prepared gallery (G, D)."""
        return self.compare(self.prepare(query), gallery).astype(np.float32)


def unit_rows(features: NDArray[np.floating]) -> Doubles:
    """Return rows of Euclidean length 1 in float64; a row of zeros stays zero."""
    doubles = features.astype(np.float64)
    lengths = np.sqrt(np.einsum("nd,nd->n", doubles, doubles))
    return doubles / np.where(lengths > 0, lengths, 1.0)[:, None]


def negative_dot(query: Doubles, gallery: Doubles) -> Doubles:
    """Return ``-q.g``; on unit rows the negative cosine, -1 to 1."""
    return (-query) @ gallery.T


def squared_euclidean(query: Doubles, gallery: Doubles) -> Doubles:
    """Return ``|q|^2 + |g|^2 - 2 q.g``, which ranks as the Euclidean distance does."""
    lengths = [np.einsum("nd,nd->n", rows, rows) for rows in (query, gallery)]
    return lengths[0][:, None] + lengths[1][None, :] - 2.0 * (query @ gallery.T)


METRICS: dict[str, Metric] = {
    "cosine": Metric(unit_rows, negative_dot),
    "euclidean": Metric(lambda features: features.astype(np.float64), squared_euclidean),
}
