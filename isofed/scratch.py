"""Arrays in files without a name: they take memory while they are looked at, until :func:`past` is told.

The files lie in the folder for temporary files, which the environment variable TMPDIR names, and are gone
with their process however that ends. The system keeps of them in memory what nobody else needs it for.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from isofed.errors import RoundError

ALIGNED = 64  # bytes; no dtype asks for more
STEP = 4 << 20  # bytes that are looked at in one go
AROUND = 2 << 20  # bytes that Linux may lay into memory together, wherever among them is looked

_maps: weakref.WeakKeyDictionary[mmap.mmap, int] = weakref.WeakKeyDictionary()  # and where each begins


@dataclass(eq=False)
class Scratch:
    """Bytes put into a file one behind the other.

    Args:
        what: is kept there, for the sentence where there is no room.
    """

    what: str
    size: int = 0
    _file: Any = None

    def put(self, content: Any, aligned: bool = True) -> int:
        """Append bytes; return where they begin.

        Args:
            content: anything with bytes.
            aligned: begin where an array of any dtype may; else where the last ones end.

        Raises:
            RoundError: the disk has no room for them.
        """
        with _told(self.what):
            if self._file is None:
                self._file = _unnamed()
                weakref.finalize(self, self._file.close)
            at = -(-self.size // ALIGNED) * ALIGNED if aligned else self.size
            left, self.size = memoryview(content).cast("B"), at
            while left:
                written = os.pwrite(self._file.fileno(), left, self.size)
                left, self.size = left[written:], self.size + written
        return at

    def shown(self) -> memoryview:
        """Return all that was put there, to be read; it is there as long as anybody holds this."""
        with _told(self.what):
            return memoryview(_mapped(self._file.fileno(), self.size, mmap.PROT_READ))


def filed(count: int) -> np.ndarray:
    """Return an array (count,) uint8 in a file of its own, for :func:`isofed.room.lent_by`.

    Raises:
        RoundError: the disk has no room for it.
    """
    with _told("the arrays of a large model"), _unnamed() as file:
        _reserve(file.fileno(), count)
        return np.frombuffer(_mapped(file.fileno(), count, mmap.PROT_READ | mmap.PROT_WRITE), np.uint8)


def lies_in_file(array: np.ndarray) -> bool:
    """Tell whether :func:`past` does anything for an array."""
    return _found(array) is not None


def past(array: np.ndarray) -> None:
    """Give the memory of an array back that lies in a file, until somebody looks at it again.

    Its values stay. Of an array that lies elsewhere nothing is done.
    """
    found = _found(array)
    if found is not None and array.flags.c_contiguous:
        piece, begin = found
        # who reads behind an array that is past has the system lay the pages around there anew
        start = max(begin - AROUND, 0) // mmap.PAGESIZE * mmap.PAGESIZE
        piece.madvise(mmap.MADV_DONTNEED, start, begin + array.nbytes - start)


def in_steps(array: np.ndarray) -> Iterator[memoryview]:
    """Yield the bytes of a contiguous array, a few at a time; each is past when the next one is asked for."""
    flat = array.reshape(-1).view(np.uint8)
    for at in range(0, len(flat), STEP):
        part = flat[at : at + STEP]
        yield part.data
        past(part)


def _found(array: np.ndarray) -> tuple[mmap.mmap, int] | None:
    """Return the file that an array lies in, and where."""
    if not _maps or not array.nbytes:
        return None
    # by the address, because a view does not always tell of what it is one
    at = array.__array_interface__["data"][0]
    for piece, begin in list(_maps.items()):
        if begin <= at < begin + len(piece):
            return piece, at - begin
    return None


def _unnamed() -> Any:
    return tempfile.TemporaryFile(prefix="isofed-", buffering=0)


def _reserve(file: int, count: int) -> None:
    # a full disk is told of here; while somebody writes into mapped memory it would end the process
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, count)
    else:
        os.ftruncate(file, count)


def _mapped(file: int, count: int, rights: int) -> mmap.mmap:
    piece = mmap.mmap(file, count, mmap.MAP_SHARED, rights)
    _maps[piece] = np.frombuffer(piece, np.uint8).__array_interface__["data"][0]
    return piece


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RoundError(
            f"{what} cannot be put into a temporary file ({error.strerror or error}); name a folder with "
            "more room by the environment variable TMPDIR"
        ) from None
