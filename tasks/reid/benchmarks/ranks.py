"""Scores rankings without making them: the rank of a correct image can be counted.

It is one more than the images that are nearer, and all that is reported follows from the ranks of the
correct images and from the persons before the first. With ranks from 1 and correct images at ranks
``h_1 < ... < h_n``::

    AP    = (1/n) sum_j j / h_j          on the full ranking, also where CMC is deduplicated
    INP   = n / h_n
    CMC@k = 1 if h_1 <= k                plain
    CMC@k = 1 if the right identity is among the first k distinct identities    deduplicated

A query without a correct image left is dropped from every average. Equal distances keep the gallery's
order, as in :func:`isofed.tasks.reid.benchmarks.retrieval.order`.

All tiles of distances are walked twice, first those that hold hits, for the hits' own distances, then all,
for what is nearer: a tile's rows are sorted, and each hit finds its place in them. Memory: O(chunk * width
+ hits), whatever the size of the gallery. Time: computing the distances and sorting them by tiles.

mAP: L. Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015; mINP: M. Ye et al., "Deep
Learning for Person Re-identification: A Survey and Outlook", TPAMI 2022.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.reid.benchmarks.retrieval import Integers, Labels, Rule
from isofed.tasks.reid.benchmarks.tally import EMPTY, MAX_RANK, Statistics, tally
from isofed.tasks.reid.benchmarks.walk import (
    CHUNK,
    NOT_FINITE,
    WIDTH,
    Against,
    Singles,
    Tile,
    Walk,
    keep,
    tiles,
)

HITS = 4_000_000  # correct images that are looked for at a time: bounds the memory


@dataclass(frozen=True)
class Hits:
    """The correct images of a walk, H, query after query and nearest first.

    Attributes:
        rows: (H,) the query's place in the walk, ascending.
        places: (H,) the image's place in the walk.
        columns: (H,) its own number.
        distances: (H,) float32.
        wrong: (H,) how many wrong images are nearer, as far as the walk has come.
    """

    rows: Integers
    places: Integers
    columns: Integers
    distances: Singles
    wrong: Integers

    def of(self, rows: slice) -> "Hits":
        """Return the hits of some queries, as views."""
        part = slice(*np.searchsorted(self.rows, [rows.start, rows.stop]).tolist())
        return Hits(*(values[part] for values in vars(self).values()))


@dataclass(frozen=True)
class People:
    """Persons met before the first hit of each query.

    Attributes:
        count: (Q,) how many; beyond ``MAX_RANK`` they are no longer counted exactly.
        open: (Q,) whether the walk's last person so far is one of them.
    """

    count: Integers
    open: NDArray[np.bool_]


def statistics(
    distances: NDArray[np.floating], query: Labels, gallery: Labels, rule: Rule, chunk: int = CHUNK
) -> Statistics:
    """Score the rankings that a distance matrix gives.

    Args:
        distances: (Q, G), finite, smaller is nearer; compared as float32.
        chunk: queries compared at a time, at least 1; a matter of memory, not of the result.

    Raises:
        DataError: the matrix does not fit the labels or holds NaN or infinity.

    Example:
        >>> from isofed.tasks.reid.benchmarks.retrieval import RULES, labels
        >>> query, gallery = labels([7], [3]), labels([8, 7], [1, 1])
        >>> statistics(np.array([[0.1, 0.2]]), query, gallery, RULES["sysu"]).result()["mAP"]
        0.5
    """
    if distances.shape != (len(query), len(gallery)):
        expected = (len(query), len(gallery))
        raise DataError(f"the distances have shape {distances.shape} where the labels need {expected}")
    if not np.isfinite(distances).all():
        raise DataError(NOT_FINITE)

    def against(columns: Integers) -> Callable[[Integers], Singles]:
        return lambda rows: distances[np.ix_(rows, columns)].astype(np.float32)

    return count(against, query, gallery, rule, chunk)


def count(
    against: Against, query: Labels, gallery: Labels, rule: Rule, chunk: int = CHUNK, width: int = WIDTH
) -> Statistics:
    """Score the rankings that a way of computing distances gives.

    Args:
        against: gallery columns (G',) -> query rows (Q',) -> distances float32 (Q', G'), smaller is nearer.
        chunk, width: queries and gallery images compared at a time, at least 1; a matter of memory and
            speed, not of the result.

    Raises:
        DataError: a distance is NaN or infinite.
    """
    columns = np.argsort(gallery.ids, kind="stable")
    ordered, total = gallery.take(columns), EMPTY
    for portion in _portions(query, ordered):
        asked, rows, places = _matches(portion, query, ordered, rule)
        if len(asked):
            walk = Walk(against, asked, query.take(asked), columns, ordered, rule, chunk, width)
            total = total + _scored(walk, rows, places)
    return total


def _portions(query: Labels, gallery: Labels) -> list[Integers]:
    """Return the queries' numbers in the order of persons, cut where the hits would become too many."""
    rows = np.argsort(query.ids, kind="stable")
    first, last = (np.searchsorted(gallery.ids, query.ids[rows], side) for side in ("left", "right"))
    portion = np.cumsum(last - first) // HITS
    return np.split(rows, np.flatnonzero(np.diff(portion)) + 1)


def _matches(
    portion: Integers, query: Labels, gallery: Labels, rule: Rule
) -> tuple[Integers, Integers, Integers]:
    """Return the queries with a correct image left, and of all correct images (place of query, place)."""
    first, last = (np.searchsorted(gallery.ids, query.ids[portion], side) for side in ("left", "right"))
    own = last - first
    rows = np.repeat(np.arange(len(portion)), own)
    places = np.arange(len(rows)) + np.repeat(first - (np.cumsum(own) - own), own)
    left = ~rule.excluded(query.take(portion[rows]), gallery.take(places))
    answered, rows = np.unique(rows[left], return_inverse=True)
    return portion[answered], rows, places[left]


def _scored(walk: Walk, rows: Integers, places: Integers) -> Statistics:
    """Walk all tiles and score."""
    hits = _hits(walk, rows, places)
    people = People(np.zeros(len(walk.rows), np.int64), np.zeros(len(walk.rows), bool))
    for tile in tiles(walk, walk.numbers):
        mine = hits.of(tile.rows)
        _strike(walk, tile, mine)
        nearer = _nearer(tile, mine, walk.columns[tile.block])
        mine.wrong[:] += nearer
        if walk.rule.deduplicated:
            _meet(walk, tile, mine, nearer, people)
    ends = np.searchsorted(hits.rows, np.arange(len(walk.rows)), side="right")
    first = people.count if walk.rule.deduplicated else hits.wrong[np.append(0, ends[:-1])]
    return tally(*_precision(hits, ends), np.minimum(first, MAX_RANK))


def _hits(walk: Walk, rows: Integers, places: Integers) -> Hits:
    """Walk the tiles that hold hits, for their distances."""
    distances = np.empty(len(rows), np.float32)
    for tile in tiles(walk, walk.holding(rows, places)):
        part = slice(*np.searchsorted(rows, [tile.rows.start, tile.rows.stop]).tolist())
        inside = part.start + np.flatnonzero(_within(places[part], tile.block))
        distances[inside] = tile.distances[rows[inside] - tile.rows.start, places[inside] - tile.block.start]
        keep(walk, tile)
    best = np.lexsort((distances, rows))  # stable, and one person's columns ascend with the places
    columns = walk.columns[places[best]]
    return Hits(rows, places[best], columns, distances[best], np.zeros(len(rows), np.int64))


def _within(places: Integers, block: slice) -> NDArray[np.bool_]:
    return (places >= block.start) & (places < block.stop)


def _strike(walk: Walk, tile: Tile, hits: Hits) -> None:
    """Put what is excluded and what is correct at infinity, so that the wrong images that count are left."""
    excluded = walk.rule.excluded(walk.query.take(tile.rows).upright(), walk.gallery.take(tile.block))
    np.copyto(tile.distances, np.inf, where=excluded)
    inside = np.flatnonzero(_within(hits.places, tile.block))
    tile.distances[hits.rows[inside] - tile.rows.start, hits.places[inside] - tile.block.start] = np.inf


def _nearer(tile: Tile, hits: Hits, columns: Integers) -> Integers:
    """Return how many of a tile's images are nearer than each hit, (H',)."""
    rows = hits.rows - tile.rows.start
    ordered = np.sort(tile.distances, axis=1)
    below = _below(ordered, rows, hits.distances)
    at = ordered[rows, np.minimum(below, ordered.shape[1] - 1)]
    for hit in np.flatnonzero(at == hits.distances).tolist():
        tied = tile.distances[rows[hit]] == hits.distances[hit]
        below[hit] += np.count_nonzero(tied & (columns < hits.columns[hit]))
    return below


def _below(ordered: Singles, rows: Integers, values: Singles) -> Integers:
    """Return how many entries of the ascending ``ordered[rows]`` are below ``values``, searched at once."""
    width = ordered.shape[1]
    flat, found = ordered.ravel(), np.zeros(len(rows), np.int64)
    before = rows * width - 1
    for step in (1 << power for power in reversed(range(width.bit_length()))):
        probe = found + step
        ahead = flat[before + np.minimum(probe, width)] < values
        found = np.where(ahead & (probe <= width), probe, found)
    return found


def _meet(walk: Walk, tile: Tile, hits: Hits, nearer: Integers, people: People) -> None:
    """Count the persons of a tile that stand before the first hit of each query."""
    firsts = np.searchsorted(hits.rows, np.arange(tile.rows.start, tile.rows.stop))
    count, goes_on = people.count[tile.rows], people.open[tile.rows]
    met = np.flatnonzero((nearer[firsts] > 0) & (count < MAX_RANK))
    ids, own = walk.gallery.ids[tile.block], firsts[met]
    starts = np.append(0, np.flatnonzero(np.diff(ids)) + 1)
    distances, first = tile.distances[met], hits.distances[own, None]
    tied = (distances == first) & (walk.columns[tile.block] < hits.columns[own, None])
    seen = np.logical_or.reduceat((distances < first) | tied, starts, axis=1)
    same = tile.block.start > 0 and walk.gallery.ids[tile.block.start - 1] == ids[0]
    count[met] += seen.sum(axis=1) - (seen[:, 0] & goes_on[met] & same)
    goes_on &= same and len(starts) == 1
    goes_on[met] |= seen[:, -1]


def _precision(hits: Hits, ends: Integers) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return AP and INP of every query; ``ends`` is where its hits end."""
    own = np.diff(ends, prepend=0)
    nth = np.arange(1, len(hits.rows) + 1) - (ends - own)[hits.rows]
    ranks = hits.wrong + nth
    return np.bincount(hits.rows, nth / ranks) / own, own / ranks[ends - 1]
