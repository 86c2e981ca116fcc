"""Painting a person: legs, lower garment, arms, upper garment, head, bag, from far to near.

A point at longitude a and distance r from the axis of a body turned by t is seen at r sin(a - t) to
the right, and is nearer than the axis where cos(a - t) > 0.
"""

from dataclasses import dataclass

import numpy as np

from isofed.tasks.reid.drawing import bags, heads
from isofed.tasks.reid.drawing.canvas import Band, Canvas, around, band, levels, paint
from isofed.tasks.reid.drawing.garments import Cloth, weight
from isofed.tasks.reid.drawing.persons import Person

DEPTH = 0.62  # how deep a body is compared with its width
NECK, SHOULDER, SOLE, ANKLE = 0.150, 0.185, 1.0, 0.955  # levels, body heights below the top
ARM = 0.40  # length of an arm
FIT = {"slim": 0.002, "straight": 0.010, "wide": 0.022, "shorts": 0.014}  # what a leg of cloth adds


@dataclass(frozen=True)
class Pose:
    """How each of n images is posed: (n, 1) arrays.

    Attributes:
        stride: slope of a leg to the front, body heights a body height; its sign says which leg.
        stance: slope of a leg to the side.
        swing: slope of an arm to the front; ``spread``: to the side.
        lean: sideways shift of the head, body heights.
    """

    stride: np.ndarray
    stance: np.ndarray
    swing: np.ndarray
    spread: np.ndarray
    lean: np.ndarray


def paint_person(canvas: Canvas, person: Person, pose: Pose) -> None:
    """Paint ``person`` on every image of ``canvas`` in the poses given."""
    near = np.where(np.sin(canvas.turn) >= 0, 1.0, -1.0)  # the side that is towards the camera
    bags.behind(canvas, person)
    heads.hair_behind(canvas, person, pose.lean)
    _arm(canvas, person, pose, -near)
    for side in (-near, near):
        _leg(canvas, person, pose, side)
    _hips(canvas, person)
    torso = _torso(canvas, person)
    bags.straps(canvas, person, torso)
    _arm(canvas, person, pose, near)
    heads.head(canvas, person, pose.lean)
    bags.front(canvas, person)


def width_factor(canvas: Canvas) -> np.ndarray:
    """Return how wide a turned body looks, 1 from the front, DEPTH from the side; (n, 1)."""
    return np.hypot(np.cos(canvas.turn), DEPTH * np.sin(canvas.turn))


def crotch(person: Person) -> float:
    """Return the level of the crotch, body heights below the top of the head."""
    return 1.0 - person.build.leg


def waist(person: Person) -> float:
    """Return the level of the waist."""
    return crotch(person) - 0.10


def cloth(canvas: Canvas, shape: Band, fabric: Cloth, top: float, cover: np.ndarray | float = 1.0) -> None:
    """Cover a band with a fabric whose upper edge is at ``top``."""
    first, second = fabric.colours(canvas.modality)
    if fabric.pattern == "plain":
        paint(canvas, shape, first, cover=cover)
    else:
        mixed = weight(fabric, around(canvas, shape), shape.down - top)
        paint(canvas, shape, first, second, mixed, cover)


def _leg(canvas: Canvas, person: Person, pose: Pose, side: np.ndarray) -> None:
    """Paint one leg: skin, shoe, and the trouser leg over it."""
    build, top, turn = person.build, crotch(person), canvas.turn
    knee = top + 0.5 * build.leg
    slope = side * (pose.stance * np.cos(turn) - pose.stride * np.sin(turn))
    hip = side * np.cos(turn) * 0.50 * build.hip
    centre = hip + slope * np.maximum(canvas.down - top, 0.0)
    thick = [1.45 * build.limb, 1.45 * build.limb, 1.05 * build.limb, 0.7 * build.limb]
    skin = levels(canvas.down, [top - 0.03, top + 0.05, knee, ANKLE + 0.01], thick)
    paint(canvas, band(canvas, centre, skin), person.skin.colour(canvas.modality))
    foot = centre - 0.018 * np.sin(turn)
    shoe = levels(canvas.down, [ANKLE - 0.01, ANKLE + 0.01, SOLE], [0.02, 0.8 * build.limb, 1.1 * build.limb])
    cloth(canvas, band(canvas, foot, shoe), person.shoes, ANKLE)
    if person.lower_form in FIT:
        _trouser_leg(canvas, person, centre, knee, thick)


def _trouser_leg(canvas: Canvas, person: Person, centre: np.ndarray, knee: float, thick: list[float]) -> None:
    """Cover a leg with cloth, to the ankle or, for shorts, to the knee."""
    top, extra = crotch(person), FIT[person.lower_form]
    at = [top - 0.03, top + 0.05, knee, ANKLE + 0.005]
    value = [thick[0], thick[1] + extra, thick[2] + extra, thick[3] + extra]
    half = levels(canvas.down, at, value)
    if person.lower_form == "shorts":
        half = np.where(canvas.down > knee - 0.02, -1.0, half)
    cloth(canvas, band(canvas, centre, half), person.lower, waist(person))


def _hips(canvas: Canvas, person: Person) -> None:
    """Paint the lower garment's upper part, which for a skirt is all of it."""
    build, top = person.build, waist(person)
    at, value = [top, crotch(person), crotch(person) + 0.02], [build.waist, build.hip, 0.9 * build.hip]
    if "skirt" in person.lower_form:
        hem = crotch(person) + (0.75 if "long" in person.lower_form else 0.35) * build.leg
        at, value = [top, crotch(person), hem], [build.waist, build.hip + 0.008, build.hip + 0.04]
    half = levels(canvas.down, at, value) * width_factor(canvas)
    cloth(canvas, band(canvas, np.zeros_like(canvas.turn), half), person.lower, top)


def _torso(canvas: Canvas, person: Person) -> Band:
    """Paint the upper garment without its sleeves, and return its band for straps."""
    build, loose, belt = person.build, person.loose, waist(person)
    neck = levels(canvas.down, [NECK - 0.04, NECK + 0.02], [0.028, 0.034]) * width_factor(canvas)
    paint(canvas, band(canvas, np.zeros_like(canvas.turn), neck), person.skin.colour(canvas.modality))
    hem = belt + person.hem
    hip = max(build.hip, build.waist) + loose + 0.4 * max(0.0, person.hem - 0.15)
    at = [NECK, SHOULDER, SHOULDER + 0.09, belt, max(hem, belt + 0.01)]
    value = [0.045, build.shoulder, build.shoulder + loose - 0.012, build.waist + loose, hip]
    if person.hem <= 0.10:
        value[-1] = build.waist + loose + (hip - build.waist - loose) * person.hem / 0.10
    half = levels(canvas.down, at, value) * width_factor(canvas)
    torso = band(canvas, np.zeros_like(canvas.turn), half)
    cloth(canvas, torso, person.upper, NECK)
    return torso


def _arm(canvas: Canvas, person: Person, pose: Pose, side: np.ndarray) -> None:
    """Paint one arm and its sleeve."""
    build, turn = person.build, canvas.turn
    top, end = SHOULDER - 0.01, SHOULDER + ARM
    slope = side * (pose.spread * np.cos(turn) + pose.swing * np.sin(turn))
    joint = side * np.cos(turn) * (build.shoulder + person.loose - 0.5 * build.limb)
    centre = joint + slope * np.maximum(canvas.down - top, 0.0)
    at, thin = [top, top + 0.02, top + 0.2, end], 0.65 * build.limb
    arm = levels(canvas.down, at, [0.5 * build.limb, 0.95 * build.limb, 0.8 * build.limb, thin])
    paint(canvas, band(canvas, centre, arm), person.skin.colour(canvas.modality))
    if person.sleeve > 0:
        covered = canvas.down <= top + person.sleeve * (ARM - 0.03)
        half = np.where(covered & (arm > 0), arm + 0.006 + 0.4 * person.loose, -1.0)
        cloth(canvas, _sleeve(band(canvas, centre, half), side), person.upper, NECK)


def _sleeve(shape: Band, side: np.ndarray) -> Band:
    """Squeeze the longitudes of a sleeve to its own side, so that patterns go on from the body."""
    place = np.clip(0.35 * shape.place + 0.6 * side[:, :, None], -1.0, 1.0)
    return Band(shape.first, shape.last, shape.mask, place, shape.down)
