"""Painting bags: a backpack, a bag on a strap, one in the hand, one at the belt."""

import numpy as np

from isofed.tasks.reid.drawing.canvas import Band, Canvas, around, box, paint
from isofed.tasks.reid.drawing.persons import Person

# longitude of a bag's middle (radians, times the side it is worn on where that matters), top and
# bottom, half-width from its front and from its side, distance from the axis: body heights
PLACES = {
    "backpack": (np.pi, 0.19, 0.40, 0.085, 0.050, 0.125),
    "shoulder": (np.pi / 2, 0.44, 0.58, 0.035, 0.075, 0.135),
    "hand": (np.pi / 2, 0.575, 0.72, 0.030, 0.080, 0.185),
    "waist": (0.0, 0.42, 0.49, 0.080, 0.035, 0.085),
}
STRAP = 0.16  # half-width of a strap, share of the torso's half-width


def behind(canvas: Canvas, person: Person) -> None:
    """Paint the bag where the body hides part of it."""
    _bag(canvas, person, hidden=True)


def front(canvas: Canvas, person: Person) -> None:
    """Paint the bag where it hides part of the body."""
    _bag(canvas, person, hidden=False)


def straps(canvas: Canvas, person: Person, torso: Band) -> None:
    """Paint a backpack's two straps, or the one strap of a shoulder bag, on the torso."""
    if person.bag not in ("backpack", "shoulder"):
        return
    longitude = around(canvas, torso)
    lateral = np.sin(longitude)
    if person.bag == "backpack":
        cover = (np.abs(np.abs(lateral) - 0.55) < STRAP) & (np.cos(longitude) > 0) & (torso.down < 0.40)
    else:  # from one shoulder to the bag on the other side, in front and behind
        line = person.bag_side * (1.5 * (torso.down - 0.165) / 0.30 - 0.7)
        cover = (np.abs(lateral - line) < STRAP) & (torso.down < 0.50)
    paint(canvas, torso, 0.85 * _colour(canvas, person), cover=cover)


def _bag(canvas: Canvas, person: Person, hidden: bool) -> None:
    """Paint the bag on those images where it is, or is not, hidden by the body."""
    if person.bag == "none":
        return
    longitude, top, bottom, wide, deep, away = PLACES[person.bag]
    turned = person.bag_side * longitude - canvas.turn
    is_hidden = np.cos(turned) < -0.15
    half = np.hypot(wide * np.cos(turned), deep * np.sin(turned)) * person.bag_size
    half = np.where(is_hidden == hidden, half, -1.0)
    shape = box(canvas, away * np.sin(turned), half, top, top + (bottom - top) * person.bag_size)
    if shape.last > shape.first:
        paint(canvas, shape, _colour(canvas, person))


def _colour(canvas: Canvas, person: Person) -> np.ndarray:
    return person.bag_cloth.colours(canvas.modality)[0]
