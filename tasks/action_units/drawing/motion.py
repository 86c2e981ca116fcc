"""Where action units move a face, and how."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
HALF = 0.5
# of each unit: (x, y, dx, dy, sigma) on a face's left half and its mirror image, or on its middle; in
# units of the face's box, y down, dx inward
WINDOWS: dict[int, tuple[float, float, float, float, float]] = {
    1: (0.42, 0.30, 0.0, -1.0, 0.06),
    2: (0.28, 0.31, 0.0, -1.0, 0.06),
    4: (0.40, 0.31, 0.5, 0.8, 0.07),
    5: (0.33, 0.38, 0.0, -1.0, 0.06),
    6: (0.25, 0.52, 0.0, -0.8, 0.08),
    7: (0.33, 0.42, 0.0, -0.5, 0.06),
    9: (0.50, 0.45, 0.0, -0.8, 0.08),
    10: (0.50, 0.66, 0.0, -0.8, 0.07),
    12: (0.36, 0.74, -0.8, -0.6, 0.08),
    14: (0.34, 0.74, 0.7, 0.0, 0.07),
    15: (0.37, 0.77, 0.0, 0.9, 0.07),
    17: (0.50, 0.88, 0.0, -0.9, 0.08),
}
EDGE = 0.25  # of the peak: what moves more is inside a region


def windows(unit: int) -> tuple[tuple[float, float, float, float, float], ...]:
    """Return (x, y, dx, dy, sigma) of each half of the face that a unit moves, dx to the right."""
    x, y, dx, dy, sigma = WINDOWS[unit]
    return ((x, y, dx, dy, sigma),) if x == HALF else ((x, y, dx, dy, sigma), (1 - x, y, -dx, dy, sigma))


def displacement(units: Iterable[int], halves: tuple[float, float], peak: float, side: int) -> Floats:
    """Return how far each place moves at the apex, (2, side, side), to the right and down, pixels.

    d(p) = sum over windows of peak h (dx, dy) exp(-|p - c|^2 / (2 sigma^2))

    Args:
        units: active ones; others of ``WINDOWS`` are still.
        halves: h, factors of the left and the right half, 0.5 to 1.
        peak: pixels.
        side: of the frame, pixels; the face's box is the frame.
    """
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    found = np.zeros((2, side, side))
    for cx, cy, dx, dy, sigma in (each for unit in units if unit in WINDOWS for each in windows(unit)):
        strength = peak * (max(halves) if cx == HALF else halves[cx > HALF])
        bump = strength * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2))
        found += bump * np.array([dx, dy])[:, None, None]
    return found


def region(units: Iterable[int], side: int) -> NDArray[np.bool_]:
    """Return (side, side), the places that units move by more than a quarter of the most."""
    moved = np.hypot(*displacement(units, (1.0, 1.0), 1.0, side))
    return np.asarray((moved > EDGE * moved.max()) & (moved > 0))


def envelope(frames: int, apex: int, rest: float = 0.3) -> Floats:
    """Return (frames,), how much of the motion there is: raised cosines, 0 to 1 to ``rest``.

    Args:
        frames: from onset to offset.
        apex: place of it, 0 to ``frames`` - 1; at 0 nothing has moved anywhere.
        rest: at the offset.
    """
    if apex == 0:
        return np.zeros(frames)
    time = np.arange(frames, dtype=np.float64)
    rise = (1 - np.cos(np.pi * np.minimum(time / apex, 1))) / 2
    after = np.clip((time - apex) / max(frames - 1 - apex, 1), 0, 1)
    return np.asarray(rise * (1 - (1 - rest) * (1 - np.cos(np.pi * after)) / 2))
