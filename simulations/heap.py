"""Whether memory that a process has freed stays its own, so that large arrays cost nothing to make again."""

import ctypes
import platform
from collections.abc import Mapping

MMAP_MAX, MMAP_THRESHOLD, TRIM_THRESHOLD, TOP_PAD = -4, -3, -1, -2  # of glibc's mallopt, see malloc.h
PAD = 64 << 20
LARGE = 1 << 20  # bytes
MOST = 2**31 - 1


def keep_freed() -> bool:
    """Let this process keep what it frees; return whether the system's C library can be told.

    Else the library gives a large array back at once, and the next one begins with pages that the system has
    to find and clear: of 100 MB that takes as long as five copies. The process's greatest size is the same.
    """
    return _told({MMAP_MAX: 0, TRIM_THRESHOLD: MOST, TOP_PAD: PAD})


def give_back() -> bool:
    """Let this process give large pieces back as soon as they are free; return whether that can be told.

    Else the library keeps the more of them the larger they are, up to 32 MB each.
    """
    return _told({MMAP_THRESHOLD: LARGE})


def _told(values: Mapping[int, int]) -> bool:
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(name, value) for name, value in values.items()])
