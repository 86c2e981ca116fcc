"""Memory that a process has freed stays its own, so that large arrays cost nothing to make again."""

import ctypes
import platform

MMAP_MAX, TRIM_THRESHOLD, TOP_PAD = -4, -1, -2  # of glibc's mallopt, see malloc.h
PAD = 64 << 20
MOST = 2**31 - 1


def keep_freed() -> bool:
    """Let this process keep what it frees; return whether the system's C library can be told.

    Else the library gives a large array back at once, and the next one begins with pages that the system has
    to find and clear: of 100 MB that takes as long as five copies. The process's greatest size is the same.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(MMAP_MAX, 0), mallopt(TRIM_THRESHOLD, MOST), mallopt(TOP_PAD, PAD)])
