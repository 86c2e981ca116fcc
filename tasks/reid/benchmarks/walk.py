"""A walk through all distances between queries and a gallery, tile by tile, in the order of persons.

In that order the correct images of neighbouring queries lie in few blocks of the gallery, and a person's
images lie side by side, which makes persons countable.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.reid.benchmarks.retrieval import Integers, Labels, Rule

CHUNK = 256  # queries in a tile
WIDTH = 8192  # gallery images in a tile
KEPT = 1 << 25  # distances kept from one walk for the next: 128 MiB

Singles = NDArray[np.float32]
Against = Callable[[Integers], Callable[[Integers], Singles]]
NOT_FINITE = "the distances hold NaN or infinity; check that training did not diverge"


@dataclass(frozen=True)
class Walk:
    """Some queries and a whole gallery, both in the order of persons.

    Attributes:
        against: gallery columns (G',) -> query rows (Q',) -> distances float32 (Q', G'), smaller is nearer.
        rows: (Q,) the queries' own numbers.
        query: their labels.
        columns: (G,) the gallery images' own numbers; of equal distances the smaller number is nearer.
        gallery: their labels.
        rule: which images count.
        chunk, width: queries and gallery images in a tile.
        kept: distances of tiles that will be asked for again.
    """

    against: Against
    rows: Integers
    query: Labels
    columns: Integers
    gallery: Labels
    rule: Rule
    chunk: int
    width: int
    kept: dict[int, Singles] = field(default_factory=dict)

    @property
    def across(self) -> int:
        """Return how many tiles lie beside each other, one for each chunk of queries."""
        return -(-len(self.rows) // self.chunk)

    @property
    def numbers(self) -> range:
        """Return the numbers of all tiles, block after block of the gallery."""
        return range(self.across * -(-len(self.columns) // self.width))

    def holding(self, rows: Integers, places: Integers) -> list[int]:
        """Return the numbers of the tiles that hold (row, place) of the walk, ascending."""
        return np.unique(places // self.width * self.across + rows // self.chunk).tolist()


@dataclass(frozen=True)
class Tile:
    """Distances of the queries ``rows`` to the images ``block`` of a walk, (Q', G')."""

    number: int
    rows: slice
    block: slice
    distances: Singles


def tiles(walk: Walk, numbers: Iterable[int]) -> Iterator[Tile]:
    """Yield tiles by ascending number; each gallery block is opened once.

    A tile is computed from the same rows and columns whenever it is asked for, so that its bits are the
    same, too.

    Raises:
        DataError: a distance is NaN or infinite.
    """
    opened = -1
    for number in numbers:
        down, beside = divmod(number, walk.across)
        rows, block = _cut(beside, walk.chunk, len(walk.rows)), _cut(down, walk.width, len(walk.columns))
        found = walk.kept.pop(number, None)
        if found is None:
            if down != opened:
                compare, opened = walk.against(walk.columns[block]), down
            found = compare(walk.rows[rows])
            if not np.isfinite(found).all():
                raise DataError(NOT_FINITE)
        yield Tile(number, rows, block, found)


def keep(walk: Walk, tile: Tile) -> None:
    """Keep a tile for the next walk as far as there is room."""
    if (len(walk.kept) + 1) * tile.distances.size <= KEPT:
        walk.kept[tile.number] = tile.distances


def _cut(number: int, size: int, end: int) -> slice:
    return slice(number * size, min((number + 1) * size, end))
