"""Painting upright parts of a body on many images at once.

Every part of a person that stands is a band: for each row of the picture a centre and a half-width.
A band is looked at as a cylinder, so that a pattern keeps its place on the body when the body turns.
"""

from dataclasses import dataclass

import numpy as np

ROUNDNESS = 0.30  # how much darker a part is at its edge than in its middle


@dataclass(frozen=True)
class Canvas:
    """n images being painted, in place.

    Attributes:
        pixels: (C, n, H, W) float32 reflectance, 0..1; painted in place.
        across: (n, 1, W) float32, distance right of the person's axis, body heights.
        down: (n, H) float32, distance below the top of the head, body heights.
        scale: (n, 1, 1) float32, pixels in a body height.
        turn: (n, 1) float32, radians: 0 = seen from the front, pi = from behind.
        light: (n, 1, 1) float32, how much brighter the right edge of a part is than its left.
        modality: ``"visible"`` (C = 3) or ``"infrared"`` (C = 1).
    """

    pixels: np.ndarray
    across: np.ndarray
    down: np.ndarray
    scale: np.ndarray
    turn: np.ndarray
    light: np.ndarray
    modality: str


@dataclass(frozen=True)
class Band:
    """A band on the rows ``first`` to ``last - 1``.

    Attributes:
        mask: (n, rows, W) float32, 0..1, smooth over one pixel at the sides.
        place: (n, rows, W) float32, -1 at the left edge to +1 at the right edge.
        down: (n, rows, 1) float32, rows in body heights.
    """

    first: int
    last: int
    mask: np.ndarray
    place: np.ndarray
    down: np.ndarray


def band(canvas: Canvas, centre: np.ndarray, half: np.ndarray) -> Band:
    """Lay out a band of half-width ``half`` (n, H) around ``centre`` (n, H) or (n, 1), body heights.

    Rows with a half-width of zero or less are left out.
    """
    rows = np.flatnonzero((half > 0).any(axis=0))
    first, last = (int(rows[0]), int(rows[-1]) + 1) if rows.size else (0, 0)
    centre = np.broadcast_to(centre, half.shape)
    middle = centre[:, first:last, None].astype(np.float32)
    width = half[:, first:last, None].astype(np.float32)
    off = canvas.across - middle
    mask = np.clip((width - np.abs(off)) * canvas.scale + 0.5, 0.0, 1.0) * (width > 0)
    place = np.clip(off / np.maximum(width, 1e-4), -1.0, 1.0)
    return Band(first, last, mask, place, canvas.down[:, first:last, None])


def around(canvas: Canvas, shape: Band) -> np.ndarray:
    """Return the longitude of every pixel of a band, radians, 0 = the body's front."""
    return np.arcsin(shape.place) + canvas.turn[:, :, None]


def paint(
    canvas: Canvas,
    shape: Band,
    colour: np.ndarray,
    second: np.ndarray | None = None,
    weight: np.ndarray | float = 0.0,
    cover: np.ndarray | float = 1.0,
) -> None:
    """Cover a band with ``colour`` (C,), mixed with ``second`` (C,) by ``weight``, and shade it.

    ``cover`` (0..1, shape of the mask) keeps parts of the band unpainted.
    """
    shade = 1.0 + shape.place * (canvas.light - ROUNDNESS * shape.place)
    mask = shape.mask * cover
    rows = slice(shape.first, shape.last)
    for channel, pixels in enumerate(canvas.pixels):
        tone = colour[channel] * shade
        if second is not None:
            tone = tone + (second[channel] - colour[channel]) * (weight * shade)
        tone -= pixels[:, rows]
        tone *= mask
        pixels[:, rows] += tone


def levels(down: np.ndarray, at: list[float], value: list[float]) -> np.ndarray:
    """Interpolate ``value`` between the heights ``at`` for rows ``down`` (n, H); outside it is -1."""
    return np.interp(down, at, value, left=-1.0, right=-1.0)


def box(canvas: Canvas, centre: np.ndarray, half: np.ndarray, top: float, bottom: float) -> Band:
    """Lay out a box: ``centre`` and ``half`` (n, 1), from ``top`` to ``bottom``, body heights."""
    inside = (canvas.down >= top) & (canvas.down <= bottom)
    return band(canvas, centre, np.where(inside, half, -1.0))


def disc(canvas: Canvas, centre: np.ndarray, half: float, middle: float, tall: float) -> Band:
    """Lay out an ellipse around (``centre`` (n, 1), ``middle``), ``half`` wide and ``tall`` high."""
    ring = 1.0 - ((canvas.down - middle) / tall) ** 2
    return band(canvas, centre, half * np.sqrt(np.maximum(ring, 0.0)))
