"""Memory that a process shares with its workers: arrays lie in it, and only their places travel.

A slab is a file without a name, mapped by both sides. It is lent as one array of bytes, and comes back by
itself when nobody refers to that array, or to a view of it, any more: a reply that waits for its turn keeps
its slab, and folding it gives the slab back.
"""

import itertools
import mmap
import os
import sys
import weakref
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

MAPPED = 64  # slabs that a worker keeps mapped
_numbers = itertools.count()  # of all slabs that this process ever made


@dataclass(frozen=True)
class Slab:
    """Where a worker finds a slab.

    Args:
        number: never given twice by one process, as its path may be.
        path: of the open file, by way of the process that made it.
        size: bytes.
    """

    number: int
    path: str
    size: int


@dataclass
class Slabs:
    """The slabs of one process, used again and again."""

    _free: list[Slab] = field(default_factory=list)
    _maps: dict[int, mmap.mmap] = field(default_factory=dict)
    _files: list[int] = field(default_factory=list)

    @classmethod
    def here(cls) -> "Slabs | None":
        """Return slabs where the system has such files and shows them to workers; None elsewhere."""
        return cls() if sys.platform == "linux" and os.path.isdir("/proc/self/fd") else None

    def lend(self, size: int) -> tuple[Slab, np.ndarray]:
        """Return a slab of at least ``size`` bytes, and the array (bytes,) uint8 that lies in it."""
        fits = [slab for slab in self._free if slab.size >= size]
        slab = min(fits, key=lambda slab: slab.size) if fits else self._make(max(size, 1))
        if fits:
            self._free.remove(slab)
        array = np.frombuffer(self._maps[slab.number], np.uint8)
        weakref.finalize(array, self._free.append, slab).atexit = False
        return slab, array

    def close(self) -> None:
        """Let go of the files; arrays that are still looked at stay readable."""
        for file in self._files:
            os.close(file)
        self._files.clear()
        self._free.clear()
        self._maps.clear()

    def _make(self, size: int) -> Slab:
        file = os.memfd_create("isofed")
        os.ftruncate(file, size)
        slab = Slab(next(_numbers), f"/proc/{os.getpid()}/fd/{file}", size)
        self._files.append(file)
        self._maps[slab.number] = mmap.mmap(file, size)
        return slab


@lru_cache(maxsize=MAPPED)
def mapped(slab: Slab) -> Any:
    """Return a slab of another process as an array (bytes,) uint8."""
    with open(slab.path, "r+b") as file:
        return np.frombuffer(mmap.mmap(file.fileno(), slab.size), np.uint8)
