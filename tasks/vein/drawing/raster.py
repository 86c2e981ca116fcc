"""Drawing vessels into the chart: chord of the cylinder under every pixel, and distance to its rim."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.graph import Vessel
from isofed.tasks.vein.drawing.outline import COLUMNS, LEFT

Floats = NDArray[np.float32]
AROUND = 2.0  # the chart reaches from -AROUND to AROUND, radians
PER_RADIAN = 66  # rows of the chart
ROWS = 2 * int(AROUND * PER_RADIAN)
RIM = 3.0  # pixels outside a vessel up to which the distance is told


def chord(diameter: float | NDArray[np.float64], offset: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far a ray at ``offset`` from the axis runs inside a cylinder: ``2 sqrt((d/2)^2 - q^2)``."""
    return 2 * np.sqrt(np.maximum(0.0, (np.asarray(diameter) / 2) ** 2 - offset**2))


@dataclass(frozen=True)
class Drawn:
    """One vessel on its part of the chart.

    Attributes:
        rows, columns: where it lies.
        chords: (rows, columns) float32, pixels; the greatest where the vessel meets itself.
        inside: (rows, columns) float32, distance to the rim, pixels: above 0 inside, not below -RIM.
    """

    rows: slice
    columns: slice
    chords: Floats
    inside: Floats


def draw_vessel(vessel: Vessel, pixels: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Drawn | None:
    """Draw a vessel; None where it lies outside the chart.

    Args:
        vessel: points and diameters.
        pixels: x (n,) to the length of a radian there, pixels.
    """
    column, row = vessel.points[:, 0] - LEFT, (vessel.points[:, 1] + AROUND) * PER_RADIAN - 0.5
    scale = pixels((vessel.points[1:, 0] + vessel.points[:-1, 0]) / 2) / PER_RADIAN
    reach = float(vessel.diameters.max()) / 2 + RIM + 1.0
    dx, dy = np.diff(column), np.diff(row)
    wide, tall = int(reach + abs(dx).max() / 2) + 1, int(reach / scale.min() + abs(dy).max() / 2) + 1
    at_x, at_y = np.rint(column[:-1] + dx / 2).astype(int), np.rint(row[:-1] + dy / 2).astype(int)
    left, top = int(at_x.min()) - wide, int(at_y.min()) - tall
    shape = (int(at_y.max()) + tall + 1 - top, int(at_x.max()) + wide + 1 - left)
    x = at_x[:, None, None] + np.arange(-wide, wide + 1)
    y = at_y[:, None, None] + np.arange(-tall, tall + 1)[:, None]
    ends = (column[:-1], row[:-1] * scale, dx, dy * scale)
    distance, radius = _from_segments(x, y * scale[:, None, None], ends, vessel.diameters / 2)
    places = ((y - top) * shape[1] + (x - left)).ravel()
    inside, chords = np.full(shape, -RIM, np.float32), np.zeros(shape, np.float32)
    np.maximum.at(inside.ravel(), places, (radius - distance).ravel())
    np.maximum.at(chords.ravel(), places, (2 * np.sqrt(np.maximum(radius**2 - distance**2, 0))).ravel())
    return _clipped(top, left, chords, inside)


def _from_segments(
    x: NDArray[np.int64],
    y: NDArray[np.float64],
    ends: tuple[NDArray[np.float64], ...],
    r: NDArray[np.float64],
) -> tuple[Floats, Floats]:
    """Return distances (n, h, w) to n segments, and the radius at the nearest point of each."""
    x0, y0, dx, dy = (e.astype(np.float32)[:, None, None] for e in ends)
    across, down = x.astype(np.float32) - x0, y.astype(np.float32) - y0
    along = np.clip((across * dx + down * dy) / np.maximum(dx**2 + dy**2, 1e-6), 0, 1)
    first, last = (e.astype(np.float32)[:, None, None] for e in (r[:-1], r[1:]))
    return np.sqrt((across - along * dx) ** 2 + (down - along * dy) ** 2), first + along * (last - first)


def _clipped(top: int, left: int, chords: Floats, inside: Floats) -> Drawn | None:
    """Cut what lies outside the chart."""
    bottom, right = min(top + chords.shape[0], ROWS), min(left + chords.shape[1], COLUMNS)
    first, begin = max(top, 0), max(left, 0)
    if bottom <= first or right <= begin:
        return None
    part = np.s_[first - top : bottom - top, begin - left : right - left]
    return Drawn(slice(first, bottom), slice(begin, right), chords[part], inside[part])
