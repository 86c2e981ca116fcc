"""Distances inside a mask, its centreline, and how long that is."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
# (row, column) of a pixel's neighbours, clockwise from above; bit k of a code is the k-th
AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
UP, RIGHT, DOWN, LEFT = 0, 2, 4, 6  # bits


def distance(mask: Mask, most: int = 16) -> Floats:
    """Return each pixel's distance to the nearest pixel that is not set: ``min_s sqrt(g(y, x + s)^2 + s^2)``.

    ``g`` is the distance within a column. Beyond the array all counts as set: a finger goes on there.

    Args:
        mask: (H, W).
        most: distances above it, pixels, come out as ``most``.

    Source: T. Saito and J. Toriwaki, "New algorithms for Euclidean distance transformation of an
    n-dimensional digitized picture", 1994, for the two steps. Differs in looking no further than ``most``.
    """
    height, width = mask.shape
    rows = np.arange(height)[:, None]
    above = np.maximum.accumulate(np.where(mask, -most, rows))
    below = np.minimum.accumulate(np.where(mask, height + most, rows)[::-1])[::-1]
    column = np.minimum(rows - above, below - rows).astype(np.float64) ** 2
    wide = np.pad(column, ((0, 0), (most, most)), constant_values=most**2)
    nearest = np.full(mask.shape, float(most**2))
    for step in range(-most, most + 1):
        np.minimum(nearest, wide[:, most + step : most + step + width] + step**2, out=nearest)
    return np.asarray(np.sqrt(nearest))


def centreline(mask: Mask) -> Mask:
    """Thin a mask to lines one pixel wide that hang together as it does.

    Source: T. Y. Zhang and C. Y. Suen, "A fast parallel algorithm for thinning digital patterns", 1984.
    """
    thin = np.pad(mask, 1)
    while True:
        before = int(thin.sum())
        for removable in REMOVABLE:
            thin[1:-1, 1:-1] &= ~removable[codes(thin)]
        if int(thin.sum()) == before:
            return thin[1:-1, 1:-1].copy()


def codes(padded: Mask) -> NDArray[np.uint8]:
    """Return which of the eight neighbours are set, a bit each, for all but the outermost pixels."""
    height, width = padded.shape
    found = np.zeros((height - 2, width - 2), np.uint8)
    for bit, (down, along) in enumerate(AROUND):
        near = padded[1 + down : height - 1 + down, 1 + along : width - 1 + along]
        found |= near.view(np.uint8) << np.uint8(bit)
    return found


def _removable(first: bool) -> Mask:
    """Return for each code whether one of the two passes takes the pixel away."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    count, starts = bits.sum(1), ((bits == 0) & (np.roll(bits, -1, 1) == 1)).sum(1)
    up, right, down, left = (bits[:, at] for at in (UP, RIGHT, DOWN, LEFT))
    # the first pass takes from below and from the right, the second from above and from the left
    kept = (right & down) & (up | left) if first else (up & left) & (right | down)
    found: Mask = (count >= 2) & (count <= 6) & (starts == 1) & (kept == 0)
    return found


REMOVABLE = (_removable(True), _removable(False))


def length(line: Mask) -> float:
    """Return how long a thin line is, pixels: 1 for each pair of direct neighbours, sqrt 2 for each diagonal
    pair that no third pixel joins."""
    straight = (line[1:] & line[:-1]).sum() + (line[:, 1:] & line[:, :-1]).sum()
    a, b, c, d = line[:-1, :-1], line[:-1, 1:], line[1:, :-1], line[1:, 1:]
    aslant = (a & d & ~b & ~c).sum() + (b & c & ~a & ~d).sum()
    return float(straight + np.sqrt(2) * aslant)
