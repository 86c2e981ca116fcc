"""The rules of re-identification: which gallery images count for a query, and how its ranking is scored.

The numbers themselves are in tasks/reid/benchmarks/ranks.py. The SYSU rule: A. Wu et al., "RGB-Infrared
Cross-Modality Person Re-identification", ICCV 2017.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Labels:
    """Identity and camera number of N images: two int64 arrays of shape (N,)."""

    ids: Integers
    cams: Integers

    def take(self, rows: slice | Integers) -> "Labels":
        """Return the labels of ``rows``."""
        return Labels(self.ids[rows], self.cams[rows])

    def upright(self) -> "Labels":
        """Return the labels as columns, (N, 1), so that with others they make a table."""
        return Labels(self.ids[:, None], self.cams[:, None])

    def __len__(self) -> int:
        return len(self.ids)


def labels(ids: ArrayLike, cams: ArrayLike) -> Labels:
    """Return :class:`Labels` from anything that is two sequences of integers."""
    return Labels(np.asarray(ids, np.int64), np.asarray(cams, np.int64))


@dataclass(frozen=True)
class Rule:
    """A benchmark's way of scoring one ranking.

    Attributes:
        excluded: (query, gallery) labels of shapes that broadcast -> bool of the common shape, True where
            the image does not count; see :meth:`Labels.upright`.
        deduplicated: CMC counts distinct identities instead of images.
        draws: what the data set's papers do with the gallery: ``agw``, ten draws, or ``none``, all of it.
    """

    excluded: Callable[[Labels, Labels], Booleans]
    deduplicated: bool
    draws: str


def same_room(query: Labels, gallery: Labels) -> Booleans:
    """SYSU-MM01: cameras 2 and 3 film one room, so a query of camera 3 skips camera 2."""
    return (query.cams == 3) & (gallery.cams == 2)


def nothing(query: Labels, gallery: Labels) -> Booleans:
    """Exclude no image."""
    return np.zeros(np.broadcast_shapes(query.ids.shape, gallery.ids.shape), bool)


def same_person_and_camera(query: Labels, gallery: Labels) -> Booleans:
    """LLCM, HITSZ-VCM: what shows the query's person from the query's camera does not count."""
    return (query.ids == gallery.ids) & (query.cams == gallery.cams)


RULES: dict[str, Rule] = {
    "sysu": Rule(same_room, deduplicated=True, draws="agw"),
    "regdb": Rule(nothing, deduplicated=False, draws="none"),
    "llcm": Rule(same_person_and_camera, deduplicated=True, draws="agw"),
    "hitsz_vcm": Rule(same_person_and_camera, deduplicated=False, draws="none"),
    "buptcampus": Rule(nothing, deduplicated=False, draws="none"),
}


@dataclass(frozen=True)
class Order:
    """Rankings of Q queries over G gallery images.

    Attributes:
        columns: int64 (Q, G), gallery columns from first to last, excluded ones at the end.
        kept: int64 (Q,), how many columns at the front of each row count.
        right: bool (Q, G), in rank order: this place counts and shows the query's person.
    """

    columns: Integers
    kept: Integers
    right: Booleans


def order(distances: NDArray[np.floating], query: Labels, gallery: Labels, rule: Rule) -> Order:
    """Rank the gallery for every query; equal distances keep the gallery's order.

    Args:
        distances: (Q, G), finite, smaller is nearer; compared as float32.
    """
    excluded = rule.excluded(query.upright(), gallery)
    columns = _stable_argsort(np.where(excluded, np.inf, distances).astype(np.float32, copy=False))
    kept = len(gallery) - excluded.sum(axis=1)
    counts = np.arange(len(gallery)) < kept[:, None]
    return Order(columns, kept, counts & (gallery.ids[columns] == query.ids[:, None]))


def _stable_argsort(values: NDArray[np.float32]) -> Integers:
    """Return ``np.argsort(values, axis=1, kind="stable")`` in half the time.

    A float's bits, the sign turned round, sort as integers; below them the column breaks ties.
    """
    bits = (values + np.float32(0)).view(np.uint32)  # the sum turns -0 into 0
    rising = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    keys = (rising << np.uint64(32)) | np.arange(values.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
