"""Retrieval metrics of re-identification: which gallery images count, and how a ranking is scored.

One query ranks the gallery by distance, nearest first, after the images that its rule excludes are
taken out. With ranks from 1 and correct images at ranks ``h_1 < ... < h_n``::

    AP    = (1/n) sum_j j / h_j          on the full ranking, also where CMC is deduplicated
    INP   = n / h_n
    CMC@k = 1 if h_1 <= k                plain
    CMC@k = 1 if the right identity is among the first k distinct identities    deduplicated

A query without a correct image left is dropped from every average. mAP: L. Zheng et al., "Scalable
Person Re-identification: A Benchmark", ICCV 2015; mINP: M. Ye et al., "Deep Learning for Person
Re-identification: A Survey and Outlook", TPAMI 2022; the SYSU rule: A. Wu et al., "RGB-Infrared
Cross-Modality Person Re-identification", ICCV 2017.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isofed.errors import DataError
from isofed.tasks.reid.benchmarks.tally import EMPTY, MAX_RANK, Statistics, tally

CHUNK = 256

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

    def __len__(self) -> int:
        return len(self.ids)


def labels(ids: ArrayLike, cams: ArrayLike) -> Labels:
    """Return :class:`Labels` from anything that is two sequences of integers."""
    return Labels(np.asarray(ids, np.int64), np.asarray(cams, np.int64))


@dataclass(frozen=True)
class Rule:
    """A benchmark's way of scoring one ranking.

    Attributes:
        excluded: (query, gallery) labels -> bool (Q, G), True where the image does not count.
        deduplicated: CMC counts distinct identities instead of images.
        draws: what the data set's papers do with the gallery: ``agw``, ten draws, or ``none``, all of it.
    """

    excluded: Callable[[Labels, Labels], Booleans]
    deduplicated: bool
    draws: str


def same_room(query: Labels, gallery: Labels) -> Booleans:
    """SYSU-MM01: cameras 2 and 3 film one room, so a query of camera 3 skips camera 2."""
    return (query.cams == 3)[:, None] & (gallery.cams == 2)[None, :]


def nothing(query: Labels, gallery: Labels) -> Booleans:
    """Exclude no image."""
    return np.zeros((len(query), len(gallery)), bool)


def same_person_and_camera(query: Labels, gallery: Labels) -> Booleans:
    """LLCM, HITSZ-VCM: what shows the query's person from the query's camera does not count."""
    return (query.ids[:, None] == gallery.ids) & (query.cams[:, None] == gallery.cams)


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
    excluded = rule.excluded(query, gallery)
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


def statistics(
    distances: NDArray[np.floating], query: Labels, gallery: Labels, rule: Rule, chunk: int = CHUNK
) -> Statistics:
    """Score the rankings that a distance matrix gives.

    Args:
        distances: (Q, G), finite, smaller is nearer.
        chunk: queries ranked at a time, at least 1; a matter of memory, not of the result.

    Raises:
        DataError: the matrix does not fit the labels or holds NaN or infinity.

    Example:
        >>> query, gallery = labels([7], [3]), labels([8, 7], [1, 1])
        >>> statistics(np.array([[0.1, 0.2]]), query, gallery, RULES["sysu"]).result()["mAP"]
        0.5
    """
    if distances.shape != (len(query), len(gallery)):
        expected = (len(query), len(gallery))
        raise DataError(f"the distances have shape {distances.shape} where the labels need {expected}")
    if not np.isfinite(distances).all():
        raise DataError("the distances hold NaN or infinity; check that training did not diverge")
    total = EMPTY
    for start in range(0, len(query), chunk):
        rows = slice(start, start + chunk)
        total = total + _part(distances[rows], query.take(rows), gallery, rule)
    return total


def _part(distances: NDArray[np.floating], query: Labels, gallery: Labels, rule: Rule) -> Statistics:
    ranked = order(distances, query, gallery, rule)
    answered = ranked.right.any(axis=1)
    right, columns = ranked.right[answered], ranked.columns[answered]
    first = _identities_before(right, columns, gallery) if rule.deduplicated else right.argmax(axis=1)
    precision, penalty = _precision(right)
    return tally(precision, penalty, np.minimum(first, MAX_RANK))


def _precision(right: Booleans) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return AP and INP of every row; each row has a hit."""
    rows, places = np.nonzero(right)
    hits = right.sum(axis=1)
    ends = np.cumsum(hits)
    nth = np.arange(1, len(rows) + 1) - (ends - hits)[rows]
    summed = np.bincount(rows, nth / (places + 1), minlength=len(right))
    return summed / np.maximum(hits, 1), hits / (places[ends - 1] + 1)


def _identities_before(right: Booleans, columns: Integers, gallery: Labels) -> Integers:
    """Return how many distinct other identities stand before the first hit of every row.

    Excluded images stand at the end, so those before the first hit all count.
    """
    known, codes = np.unique(gallery.ids, return_inverse=True)
    rows, places = np.nonzero(np.arange(right.shape[1]) < right.argmax(axis=1)[:, None])
    seen = np.zeros((len(right), len(known)), bool)
    seen[rows, codes[columns[rows, places]]] = True
    return seen.sum(axis=1)
