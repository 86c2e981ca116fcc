"""Painting heads: face, and hair that is short, long, in a bun, hidden by a hat or hood, or missing."""

import numpy as np

from isofed.tasks.reid.drawing.canvas import Band, Canvas, around, band, disc, levels, paint
from isofed.tasks.reid.drawing.persons import Person

TALL, WIDE = 0.072, 0.054  # half-axes of a head of size 1, body heights
LONG = 0.27  # where long hair ends
HAIRLINE = {"short": (0.62, 0.30), "long": (0.66, 0.34), "bun": (0.58, 0.26), "bald": (0.30, 0.42)}


def hair_behind(canvas: Canvas, person: Person, lean: np.ndarray) -> None:
    """Paint what shows on both sides of the neck from the front: long hair, or a hood's back."""
    if person.hair == "long":
        paint(canvas, _curtain(canvas, person, lean), person.hair_colour.colour(canvas.modality))


def head(canvas: Canvas, person: Person, lean: np.ndarray) -> None:
    """Paint the face and what is on the head."""
    size = person.build.head
    skull = disc(canvas, lean, WIDE * size, TALL, TALL * size)
    paint(canvas, skull, person.skin.colour(canvas.modality))
    if person.hair == "hat":
        _hat(canvas, person, lean)
    elif person.hair == "hood":
        _hood(canvas, person, lean)
    else:
        _hair(canvas, person, lean, skull)


def _hair(canvas: Canvas, person: Person, lean: np.ndarray, skull: Band) -> None:
    """Cover the head above a hairline that is high in front and low behind."""
    colour = person.hair_colour.colour(canvas.modality)
    middle, drop = HAIRLINE[person.hair]
    longitude = around(canvas, skull)
    line = 2 * TALL * (middle - drop * np.cos(longitude))
    cover = np.clip((line - skull.down) * canvas.scale + 0.5, 0.0, 1.0)
    if person.hair == "bald":  # a wreath of hair around the back
        cover = cover * (skull.down > 0.8 * TALL) * (np.cos(longitude) < 0.2)
    paint(canvas, skull, colour, cover=cover)
    if person.hair == "bun":
        back = -0.045 * np.sin(canvas.turn - np.pi)
        paint(canvas, disc(canvas, lean + back, 0.032, 0.002, 0.032), colour)
    if person.hair == "long":
        behind = (np.cos(canvas.turn) < 0.15)[:, :, None]
        paint(canvas, _curtain(canvas, person, lean), colour, cover=behind)


def _curtain(canvas: Canvas, person: Person, lean: np.ndarray) -> Band:
    """Lay out long hair from the temples to the shoulders, shifted to the back of the head."""
    half = levels(canvas.down, [0.03, 0.07, LONG - 0.04, LONG], [0.045, 0.062, 0.066, 0.05])
    return band(canvas, lean + 0.03 * np.sin(canvas.turn), half * person.build.head)


def _hat(canvas: Canvas, person: Person, lean: np.ndarray) -> None:
    """Put a cap on the head, its peak to the front; the neck's hair shows from behind."""
    hair = person.hair_colour.colour(canvas.modality)
    nape = disc(canvas, lean, WIDE * person.build.head, TALL, TALL * person.build.head)
    paint(canvas, nape, hair, cover=(np.cos(around(canvas, nape)) < -0.1) & (nape.down < 1.5 * TALL))
    colour = person.hat.colours(canvas.modality)[0]
    half = levels(canvas.down, [-0.012, 0.0, 0.05, 0.058], [0.03, 0.052, 0.060, 0.060])
    paint(canvas, band(canvas, lean, half * person.build.head), colour)
    peak = levels(canvas.down, [0.045, 0.062], [0.055, 0.055])
    paint(canvas, band(canvas, lean - 0.045 * np.sin(canvas.turn), peak), 0.8 * colour)


def _hood(canvas: Canvas, person: Person, lean: np.ndarray) -> None:
    """Pull a hood of the upper garment's cloth around the face."""
    half = levels(canvas.down, [-0.014, 0.01, 0.06, 0.13, 0.19], [0.025, 0.058, 0.072, 0.068, 0.085])
    hood = band(canvas, lean, half)
    longitude = around(canvas, hood)
    face = (np.cos(longitude) > 0.72) & (hood.down > 0.045) & (hood.down < 0.135)
    paint(canvas, hood, 0.9 * person.upper.colours(canvas.modality)[0], cover=~face)
