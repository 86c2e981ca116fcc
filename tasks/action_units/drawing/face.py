"""A face of soft blobs on a shaded ellipse, with the freckles that flow needs to be seen by."""

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.action_units.drawing.styles import Style

Floats = NDArray[np.float64]
SPREAD = 0.06  # of each number of a face, as a share of it
FRECKLES = 14.0  # standard deviation, levels
# x, y, half-widths, depth in levels; dark where above 0
PARTS = (
    *((0.33, 0.40, 0.075, 0.030, 70.0), (0.67, 0.40, 0.075, 0.030, 70.0)),  # eyes
    *((0.33, 0.31, 0.100, 0.022, 55.0), (0.67, 0.31, 0.100, 0.022, 55.0)),  # brows
    *((0.50, 0.50, 0.030, 0.120, -22.0), (0.46, 0.585, 0.02, 0.014, 45.0), (0.54, 0.585, 0.02, 0.014, 45.0)),
    *((0.50, 0.75, 0.130, 0.028, 60.0), (0.50, 0.90, 0.090, 0.040, 12.0)),  # mouth, chin
)


def face(rng: np.random.Generator, style: Style, side: int) -> Floats:
    """Return a person's face at rest, (side, side), levels from 0 to 255.

    Args:
        rng: the person's own; geometry varies by 6 per cent.
        style: light and brightness.
        side: pixels.
    """
    from scipy.ndimage import gaussian_filter  # an extra, which no site needs

    y, x = (np.mgrid[:side, :side] + 0.5) / side
    wide, tall, tone = 1 + SPREAD * rng.uniform(-1, 1, 3)
    around = ((x - 0.5) / (0.46 * wide)) ** 2 + ((y - 0.52) / (0.56 * tall)) ** 2
    shade = 1 - 0.35 * around + 0.25 * (style.light[0] * (x - 0.5) + style.light[1] * (y - 0.5))
    skin = style.bright * tone * shade
    for cx, cy, rx, ry, depth in PARTS:
        rx, ry, depth = np.array([rx, ry, depth]) * (1 + SPREAD * rng.uniform(-1, 1, 3))
        dx, dy = 0.01 * rng.uniform(-1, 1, 2)
        skin = skin - depth * np.exp(-(((x - cx - dx) / rx) ** 2) - ((y - cy - dy) / ry) ** 2)
    freckles = gaussian_filter(rng.normal(size=(side, side)), 1.2)
    skin = skin + FRECKLES * freckles / freckles.std()
    inside = 1 / (1 + np.exp(20 * (around - 1.25)))
    return np.asarray(np.clip(30 + inside * (skin - 30), 0, 255))
