"""The shape of a finger: half-width and axis along x, and the grid on which a finger is prepared.

The grid ("canvas") is the published frame with a margin before the root, because a finger that is shrunk or
turned shows what lies before it; rows that no finger reaches are left out.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.identities import PIVOT, WIDTH, Identity

Floats = NDArray[np.float32]
LEFT, TOP = -56, 15  # x and y of the canvas's first pixel
COLUMNS, ROWS = 680, 270
X = np.arange(LEFT, LEFT + COLUMNS, dtype=np.float32)
Y = np.arange(TOP, TOP + ROWS, dtype=np.float32)
START, NARROW = 60.0, 390.0  # where R0 and taper are measured
DOME = 98.0  # length of the rounded tip
ROUND = 2.4  # exponent of the tip's superellipse: 2 is an ellipse
BLOCK_END, LEAST_BLOCK = 46.0, 1.15
SOFT, ONE_SIDED = 4.5, 0.8  # of the block's step: pixels it takes, and how much of it lies on one side
UNEVEN, WAVES = (1.1, 0.7), (160.0, 95.0)  # of the sides: strength and length, pixels
EDGE = 0.9  # pixels over which the outline fades
BOX = 478.0  # length of the ROI box, from x = 0
SNUG = 0.92  # height of the ROI box, share of the finger's width at its far end
LOW, HIGH = 100.0, 140.0  # limits of that height


@dataclass(frozen=True)
class Outline:
    """A finger's shape on the canvas.

    Attributes:
        axis: (COLUMNS,) float32 y of the axis.
        radius: (COLUMNS,) float32 half-width, the root block left aside; 0.01 beyond the tip.
        thick: (COLUMNS,) float32 half-width as it were without a tip.
        outside: (ROWS, COLUMNS) float32 distance from the outline, pixels; below 0 inside the finger.
    """

    axis: Floats
    radius: Floats
    thick: Floats
    outside: Floats


def half_width(finger: Identity, x: Floats) -> Floats:
    """Return the half-width at ``x`` (n,): ``R0 (1 - (1 - taper) t^1.6)``, then a superelliptic tip."""
    along = np.minimum(domed(finger, x), 1.0)
    return np.maximum(body(finger, x) * (1 - along**ROUND) ** (1 / ROUND), 0.01).astype(np.float32)


def body(finger: Identity, x: Floats) -> Floats:
    """Return the half-width at ``x`` (n,) as it were without a tip: it tapers, and is not quite even."""
    t = np.clip((x - START) / (NARROW - START), 0.0, 1.6)
    bulge = sum(np.exp(-(((x - WIDTH * j) / 30.0) ** 2) / 2) for j in (finger.j1, finger.j2))
    uneven = sum(
        a * np.cos(2 * np.pi * x / wave + phase)
        for a, wave, phase in zip(UNEVEN, WAVES, (finger.phase1, finger.phase2), strict=True)
    )
    return np.asarray(finger.R0 * (1 - (1 - finger.taper) * t**1.6) + 2.0 * bulge + uneven, np.float32)


def domed(finger: Identity, x: Floats) -> Floats:
    """Return how far ``x`` (n,) is into the tip: 0 where it begins, 1 at its end, more beyond."""
    return np.maximum((x - finger.tip + DOME) / DOME, 0.0).astype(np.float32)


def axis(finger: Identity, x: Floats) -> Floats:
    """Return y of the axis at ``x`` (n,): two cosines and a tilt; at the pivot it is the pivot's."""
    waves = ((finger.bend1, finger.phase1, 1.0), (finger.bend2, finger.phase2, 2.0))

    def bent(at: Floats) -> Floats:
        turns = (amplitude * np.cos(np.pi * k * at / WIDTH + phase) for amplitude, phase, k in waves)
        return np.asarray(sum(turns) + np.tan(np.deg2rad(finger.tilt)) * at, np.float32)

    return PIVOT[1] + bent(x) - bent(np.array([PIVOT[0]], np.float32))


def has_block(finger: Identity) -> bool:
    """Tell whether the root shows the wider, flat block of the published pictures."""
    return finger.block >= LEAST_BLOCK


def outline(finger: Identity) -> Outline:
    """Lay out a finger's shape."""
    radius, thick = half_width(finger, X), body(finger, X)
    step = 1 / (1 + np.exp(np.clip((X - BLOCK_END) / SOFT, -30, 30)))
    wider = thick * (finger.block - 1) * step if has_block(finger) else 0 * step
    middle = axis(finger, X)
    # the palm comes in from one side, mostly
    aside = ONE_SIDED * np.sign(finger.lateral) * wider
    away = _outside((thick + wider).astype(np.float32), domed(finger, X), (middle - aside).astype(np.float32))
    return Outline(middle, radius, thick, away)


def across(shape: Outline) -> Floats:
    """Return q of the canvas's pixels, (ROWS, COLUMNS): -1 and 1 at the edges, the root block left aside."""
    return (Y[:, None] - shape.axis) / shape.radius


def coverage(shape: Outline) -> Floats:
    """Return how far the canvas's pixels are inside the finger: 0..1, one half at the outline."""
    return (1 / (1 + np.exp(np.clip(shape.outside / EDGE, -30, 30)))).astype(np.float32)


def _outside(thick: Floats, along: Floats, middle: Floats) -> Floats:
    """Return the distance from the outline: in the tip ``F / |grad F|``, F its superellipse's level."""
    away = np.abs(Y[:, None] - middle)
    gap = away - thick
    tip = np.s_[:, int(np.flatnonzero(along > 0)[0]) - 1 :]
    level = (along[tip[1]] ** ROUND + (away[tip] / thick[tip[1]]) ** ROUND) ** (1 / ROUND) - 1
    slope = np.hypot(*np.gradient(level))
    gap[tip] = level / np.maximum(slope, 0.5 / DOME)
    return gap.astype(np.float32)


@lru_cache(maxsize=64)
def box_height(finger: Identity) -> float:
    """Return the height of the ROI box."""
    narrow = float(half_width(finger, np.array([BOX - 20], np.float32))[0])
    return float(np.clip(round(2 * SNUG * narrow), LOW, HIGH))


def joints(finger: Identity) -> NDArray[np.float64]:
    """Return root, proximal and distal joint cavity and tip joint, (4, 2) of x and y, on the axis."""
    x = np.array([2.0, WIDTH * finger.j1, WIDTH * finger.j2, finger.tip - 68.0])
    return np.stack([x, axis(finger, x.astype(np.float32)).astype(np.float64)], axis=1)
