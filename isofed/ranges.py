"""Work on large arrays, range by range, on all of the processor's cores."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from isofed.beside import sum_of, threaded
from isofed.scratch import lies_in_file, past

RANGES = 8  # of an array, however many cores there are
LARGE = 1 << 22  # entries of an array for which several threads are worth their start

T = TypeVar("T")


def in_ranges(size: int, work: Callable[[slice], T], large: int = LARGE) -> list[T]:
    """Do ``work`` on every range of ``size`` entries, on all cores where there are many; return what came.

    The ranges are the same however many cores there are, and so are sums over what came in its order.

    Args:
        size: entries.
        work: from a range to anything; what it raises is raised here.
        large: entries from which on several threads are worth their start.
    """
    share = max(-(-size // RANGES), 1)
    ranges = [slice(at, min(at + share, size)) for at in range(0, size, share)]
    if size < large or cores() == 1:
        return [work(part) for part in ranges]
    # started anew each time: threads that wait for work would not survive a fork
    with ThreadPoolExecutor(cores()) as threads:
        return list(threads.map(work, ranges))


def finite(array: np.ndarray) -> bool:
    """Whether no value of a flat array is NaN or infinite."""
    if len(array) < LARGE:
        return _finite(array)
    added, large = (sum_of, len(array) + 1) if threaded() else (np.add.reduce, LARGE)
    if threaded() and not lies_in_file(array):
        return _finite(array, added)

    def work(part: slice) -> bool:
        found = _finite(array[part], added)
        past(array[part])
        return found

    return all(in_ranges(len(array), work, large))


def _finite(array: np.ndarray, added: Callable[[np.ndarray], Any] = np.add.reduce) -> bool:
    # a finite sum has finite terms, and takes a third of the time; that of finite terms may overflow
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(added(array)) or np.isfinite(array).all())


def cores() -> int:
    """Return how many of the processor's cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
