"""Memory for arrays as large as a model: what one has left, the next one of that size is given.

An allocator in general finds holes for them and splits these for smaller things, so that a process ends with
several times what it uses at once; and memory that is new costs as much as several copies into it.
"""

import mmap
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

LARGE = 4 << 20  # bytes of an array for which this is worth it
KEPT = 4  # pieces that nobody uses

Lender = Callable[[int], np.ndarray]  # bytes to an array (bytes,) uint8, or a longer one

_free: list[mmap.mmap] = []  # those left last come last


def empty(size: int, dtype: str) -> np.ndarray:
    """Return an array (size,) whose values are whatever was there."""
    count = size * np.dtype(dtype).itemsize
    if count < LARGE or not count:
        return np.empty(size, dtype)
    return np.asarray(_lender(count)[:count].view(dtype))


def lent(count: int) -> np.ndarray:
    """Return an array (count,) uint8 in a piece of memory that comes back by itself when nobody refers to it,
    or to a view of it, any more."""
    piece = next((each for each in reversed(_free) if len(each) == count), None)
    if piece is None:
        piece = _new(count)
    else:
        _free.remove(piece)
    array = np.frombuffer(piece, np.uint8)
    weakref.finalize(array, _left, piece).atexit = False
    return array


def _new(count: int) -> mmap.mmap:
    piece = mmap.mmap(-1, count, **_PRIVATE)
    with suppress(AttributeError, OSError):
        piece.madvise(mmap.MADV_HUGEPAGE)
    return piece


# not shared: a process that is forked would write into its parent's
_PRIVATE: Any = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def _left(piece: mmap.mmap) -> None:
    _free.append(piece)
    del _free[:-KEPT]


_lender: Lender = lent


@contextmanager
def lent_by(lender: Lender) -> Iterator[None]:
    """Let :func:`empty` take large arrays from elsewhere inside the block."""
    global _lender
    before, _lender = _lender, lender
    try:
        yield
    finally:
        _lender = before
