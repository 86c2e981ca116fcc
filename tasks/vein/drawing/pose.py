"""Where a finger lies before the sensor: shift, turn and scale about the pivot.

``p' = c0 + s Rot(a) (p - c0) + (dx, dy)``, ``Rot(a) = [[cos a, sin a], [-sin a, cos a]]`` with y down, so
that a positive angle is counter-clockwise on the screen. Roll turns veins below the skin and moves no
landmark.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.identities import PIVOT

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """An affine pose: ``angle`` in degrees, ``dx`` and ``dy`` in pixels of the published frame, ``scale``."""

    angle: float = 0.0
    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0


def turn(angle: float) -> Points:
    """Return Rot(angle), (2, 2); degrees."""
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return np.array([[cos, sin], [-sin, cos]])


def matrix(pose: Pose) -> tuple[Points, Points]:
    """Return (M, t) with ``p' = M p + t``."""
    linear = pose.scale * turn(pose.angle)
    return linear, np.array([PIVOT[0] + pose.dx, PIVOT[1] + pose.dy]) - linear @ np.array(PIVOT)


def forward(pose: Pose, points: Points) -> Points:
    """Move points (n, 2) of the neutral frame to where the pose puts them."""
    linear, offset = matrix(pose)
    return points @ linear.T + offset


def back(pose: Pose, points: Points) -> Points:
    """Undo :func:`forward`."""
    linear, offset = matrix(pose)
    return (points - offset) @ np.linalg.inv(linear).T


def corners(centre: Points, size: tuple[float, float], angle: float) -> Points:
    """Return the corners of a box turned about its centre, (4, 2): top left, top right, and on around."""
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) / 2
    return centre + (signs * size) @ turn(angle).T


def upright(points: Points, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the axis-aligned box around points, clipped to a frame of (height, width): x0, y0, x1, y1."""
    limit = np.array([size[1] - 1.0, size[0] - 1.0])
    low, high = np.clip(points.min(0), 0, limit), np.clip(points.max(0), 0, limit)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
