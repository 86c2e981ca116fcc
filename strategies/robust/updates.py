"""The changes of all sites at once: read in blocks that stay in the processor's cache, wherever they lie."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from isofed.ranges import in_ranges
from isofed.room import empty

BLOCK = 1 << 17  # float64 values of a block: 1 MiB
LARGE = 1 << 14  # columns from which on several threads are worth their start

Combine = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Columns:
    """The changes of one flat buffer: n rows of d numbers.

    Args:
        size: d.
        read: (columns, rows, into) writes those columns of those rows into ``into``, (rows, columns) float64.
    """

    size: int
    read: Callable[[slice, Sequence[int], np.ndarray], None]


@dataclass(frozen=True)
class Updates:
    """All buffers of the changes Δ_1 .. Δ_n of a round, in the order of the sites' names.

    Args:
        count: n.
        buffers: the columns of each flat buffer of the model, by dtype.
        root: the row of the server's own change, beside those of the sites; None where it makes none.
    """

    count: int
    buffers: Mapping[str, Columns]
    root: int | None = None

    @property
    def rows(self) -> range:
        """The rows of the sites, and the server's own."""
        return range(self.count + (self.root is not None))


def products(columns: Columns, rows: Sequence[int], centre: int) -> np.ndarray:
    """Return the inner products of changes as they are seen from one of them, (m + 1, m + 1) in float64.

    Point m is 0, the model that was sent. Sums over blocks are taken range by range, so that the bits do not
    depend on the number of cores.

    Args:
        columns: d numbers of each.
        rows: m of them.
        centre: the point that is subtracted from all, 0 to m.
    """
    count = len(rows)

    def work(part: slice) -> np.ndarray:
        total = np.zeros((count + 1, count + 1))
        with np.errstate(over="ignore", invalid="ignore"):
            for columns_of, block in _blocks(part, count + 1):
                columns.read(columns_of, rows, block[:count])
                block[count] = 0.0
                if centre != count:
                    block -= block[centre].copy()
                total += block @ block.T
        return total

    return sum(in_ranges(columns.size, work, LARGE), np.zeros((count + 1, count + 1)))


def weighted(columns: Columns, weights: np.ndarray) -> np.ndarray:
    """Return Σ w_i Δ_i, (d,) float64, in the order of rows; one whose weight is 0 is not read."""
    rows, found = np.flatnonzero(weights), empty(columns.size, "float64")

    def work(part: slice) -> None:
        for columns_of, block in _blocks(part, max(len(rows), 1)):
            columns.read(columns_of, rows.tolist(), block[: len(rows)])
            total = found[columns_of]
            total.fill(0.0)
            # not one product of matrices: how that rounds is not the same for every column
            for weight, row in zip(weights[rows], block, strict=False):
                row *= weight
                total += row

    in_ranges(columns.size, work, LARGE)
    return found


def combined(columns: Columns, rows: Sequence[int], combine: Combine, f: int) -> np.ndarray:
    """Return what a rule makes of each column's values alone, (d,) float64.

    Args:
        columns: d of them.
        rows: m of the changes.
        combine: (values (b, m), each row of them ascending; f) to (b,).
        f: handed on.
    """
    found = empty(columns.size, "float64")

    def work(part: slice) -> None:
        for columns_of, block in _blocks(part, len(rows)):
            columns.read(columns_of, rows, block)
            # values of one column side by side, which is how NumPy sorts with whole vectors of the processor
            values = np.ascontiguousarray(block.T)
            values.sort(axis=1)
            found[columns_of] = combine(values, f)

    in_ranges(columns.size, work, LARGE)
    return found


def _blocks(part: slice, rows: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the columns of a range block by block, with scratch (rows, columns) that is used again."""
    width = min(max(BLOCK // rows, 64), part.stop - part.start)
    scratch = np.empty(rows * width)
    for at in range(part.start, part.stop, width):
        end = min(at + width, part.stop)
        yield slice(at, end), scratch[: rows * (end - at)].reshape(rows, end - at)
