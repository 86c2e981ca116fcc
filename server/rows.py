"""Trees of one layout kept until all have come: in memory up to a bound, then in a file without a name."""

import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isofed.errors import RoundError
from isofed.room import empty
from isofed.strategies.robust.updates import Columns
from isofed.trees import Tree

HELD_IN_MEMORY = 1 << 30  # bytes of all rows together

Lie = Callable[[int, slice, np.ndarray], None]  # of a row, those columns into an array of the rows' own dtype


@dataclass
class Rows:
    """The rows of one flat buffer after another: copies, because what they came in is used again.

    Args:
        most: rows that there will be.
        bound: bytes of memory for all rows of a buffer.
    """

    most: int
    bound: int = HELD_IN_MEMORY
    count: int = 0
    _lies: dict[str, "InMemory | InFile"] = field(default_factory=dict)

    def add(self, tree: Tree) -> None:
        """Keep a copy of a NumPy tree as the next row.

        Raises:
            RoundError: the disk has no room for it.
        """
        for key, buffer in tree.buffers.items():
            if key not in self._lies:
                whole = self.most * buffer.nbytes > self.bound
                self._lies[key] = (InFile if whole else InMemory).of(buffer)
            self._lies[key].put(self.count, buffer)
        self.count += 1

    def columns(self, key: str, start: Any = None) -> Columns:
        """Return the rows of a buffer, less ``start`` in float64, to be read by columns."""
        lies = self._lies[key]

        def read(part: slice, rows: Sequence[int], into: np.ndarray) -> None:
            for row, place in zip(rows, into, strict=True):
                lies.take(row, part, place)
            if start is not None:
                with np.errstate(over="ignore"):  # what is out of range is far from all others
                    into -= start[part].astype(np.float64)

        return Columns(lies.size, read)

    def close(self) -> None:
        """Forget all rows, on disk too."""
        for lies in self._lies.values():
            lies.close()
        self._lies.clear()


@dataclass
class InMemory:
    """Rows in memory."""

    size: int
    rows: list[np.ndarray] = field(default_factory=list)

    @classmethod
    def of(cls, like: np.ndarray) -> "InMemory":
        """Return a place for rows like this one."""
        return cls(len(like))

    def put(self, row: int, buffer: np.ndarray) -> None:
        """Keep a copy."""
        copy = empty(len(buffer), str(buffer.dtype))
        np.copyto(copy, buffer)
        self.rows.append(copy)

    def take(self, row: int, part: slice, into: np.ndarray) -> None:
        """Write some columns of a row into an array, (columns,) float64."""
        np.copyto(into, self.rows[row][part])

    def close(self) -> None:
        """Forget them."""
        self.rows.clear()


@dataclass(eq=False)
class InFile:
    """Rows in a file: read with calls, and not mapped, so that no more than a block of it lies in memory."""

    size: int
    dtype: Any
    file: Any

    @classmethod
    def of(cls, like: np.ndarray) -> "InFile":
        """Return a place for rows like this one, in the folder for temporary files."""
        file = tempfile.TemporaryFile(prefix="isofed-rows-", buffering=0)  # noqa: SIM115
        made = cls(len(like), like.dtype, file)
        weakref.finalize(made, made.file.close)  # also where a round fails
        return made

    def put(self, row: int, buffer: np.ndarray) -> None:
        """Keep a copy."""
        left, at = np.ascontiguousarray(buffer).view(np.uint8).data, row * buffer.nbytes
        try:
            while left:
                written = os.pwrite(self.file.fileno(), left, at)
                left, at = left[written:], at + written
        except OSError as error:
            raise RoundError(
                f"the server cannot keep all sites' models for a robust rule: {error.strerror or error}; "
                "name a folder with more room by the environment variable TMPDIR, or use strategy=fedavg"
            ) from None

    def take(self, row: int, part: slice, into: np.ndarray) -> None:
        """Write some columns of a row into an array, (columns,) float64."""
        piece = np.empty(part.stop - part.start, self.dtype)
        at, left = (row * self.size + part.start) * piece.itemsize, piece.view(np.uint8).data
        while left:
            got = os.preadv(self.file.fileno(), [left], at)
            if not got:
                raise RoundError("the file with all sites' models is shorter than what was written into it")
            left, at = left[got:], at + got
        np.copyto(into, piece)

    def close(self) -> None:
        """Forget them; the file has no name, so that nothing of it is left."""
        self.file.close()
