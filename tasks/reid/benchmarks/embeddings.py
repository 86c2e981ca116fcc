"""Embeddings with the labels that retrieval is scored by, checked once where they enter."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isofed.errors import DataError
from isofed.tasks.reid.benchmarks.retrieval import Integers, Labels, labels

PIECE = 65536  # rows looked at together: features may be memory-mapped and larger than memory


@dataclass(frozen=True)
class Embeddings:
    """N embeddings: ``features``, finite floats (N, D), with the identity and camera of each."""

    features: NDArray[np.floating]
    labels: Labels

    def take(self, rows: slice | Integers) -> "Embeddings":
        """Return ``rows``."""
        return Embeddings(self.features[rows], self.labels.take(rows))

    def __len__(self) -> int:
        return len(self.labels)


def embeddings(side: str, features: ArrayLike, ids: ArrayLike, cams: ArrayLike) -> Embeddings:
    """Return checked :class:`Embeddings`.

    Args:
        side: ``query`` or ``gallery``, for the text of errors.
        features: (N, D), any float type, N and D at least 1.
        ids: identity numbers, (N,), integers.
        cams: camera numbers, (N,), integers.

    Raises:
        DataError: a shape or type is wrong, or a feature is NaN or infinite.
    """
    table = np.asarray(features)
    if table.ndim != 2 or not table.size or table.dtype.kind != "f":
        raise DataError(
            f"{side}_features must be a float array of shape (images, dimensions), "
            f"found {table.dtype} of shape {table.shape}"
        )
    if not all(np.isfinite(table[at : at + PIECE]).all() for at in range(0, len(table), PIECE)):
        raise DataError(f"{side}_features hold NaN or infinity; check that training did not diverge")
    for name, numbers in ((f"{side}_ids", np.asarray(ids)), (f"{side}_cams", np.asarray(cams))):
        if numbers.shape != (len(table),) or numbers.dtype.kind not in "iu":
            raise DataError(
                f"{name} must be {len(table)} integers, one for each row of {side}_features, "
                f"found {numbers.dtype} of shape {numbers.shape}"
            )
    return Embeddings(table, labels(ids, cams))
