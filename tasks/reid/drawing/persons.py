"""What a drawn person is: build, hair, clothes, bag. Everything here is the same in every image.

Lengths are in body heights unless said otherwise, so that a tall and a short person differ by
``height`` alone; half-widths are half of a front view's width.
"""

from dataclasses import dataclass

import numpy as np

from isofed.seeds import public
from isofed.tasks.reid.drawing.garments import Cloth, draw_lower, draw_upper, plain

HAIR = ("short", "long", "bun", "hat", "bald", "hood")
BAGS = ("none", "backpack", "shoulder", "hand", "waist")
LOWERS = ("slim", "straight", "wide", "shorts", "skirt", "long skirt")
HEIGHTS = (0.80, 1.0)  # of the tallest person: a narrower range makes persons more alike
SLEEVES = (0.0, 0.42, 1.0)  # share of the arm that is covered


@dataclass(frozen=True)
class Build:
    """The body: ``height`` relative to the tallest, levels and half-widths in body heights."""

    height: float
    leg: float
    shoulder: float
    waist: float
    hip: float
    limb: float
    head: float


@dataclass(frozen=True)
class Skin:
    """A surface of one colour: red, green, blue, and its infrared reflectance, all in 0..1."""

    visible: tuple[float, float, float]
    infrared: float

    def colour(self, modality: str) -> np.ndarray:
        """Return (3,) in visible and (1,) in infrared."""
        return np.array([self.infrared] if modality == "infrared" else self.visible, np.float32)


@dataclass(frozen=True)
class Person:
    """One identity.

    Attributes:
        skin, hair_colour: surfaces.
        hair: one of HAIR.
        upper, lower, bag_cloth, shoes, hat: cloths.
        lower_form: one of LOWERS.
        sleeve: one of SLEEVES.
        hem: how far the upper garment reaches below the waist: 0.02 (short) to 0.30 (coat).
        loose: what the upper garment adds to the body's half-width.
        bag: one of BAGS.
        bag_side: +1 for the person's left, -1 for the right.
        bag_size: 0.8 to 1.25, relative.
    """

    build: Build
    skin: Skin
    hair: str
    hair_colour: Skin
    hat: Cloth
    upper: Cloth
    lower: Cloth
    lower_form: str
    sleeve: float
    hem: float
    loose: float
    bag: str
    bag_side: int
    bag_size: float
    bag_cloth: Cloth
    shoes: Cloth


def person(seed: int, identity: int) -> Person:
    """Draw the person who bears the number ``identity`` in the data set of ``seed``."""
    rng = public(seed, 0, "", f"person {identity}")
    return Person(
        build=_build(rng),
        skin=_skin(rng),
        hair=_one_of(rng, HAIR),
        hair_colour=_hair_colour(rng),
        hat=plain(rng),
        upper=draw_upper(rng),
        lower=draw_lower(rng),
        lower_form=_one_of(rng, LOWERS),
        sleeve=SLEEVES[rng.choice(3, p=(0.2, 0.35, 0.45))],
        hem=float(rng.choice([rng.uniform(0.02, 0.10), rng.uniform(0.20, 0.34)], p=(0.7, 0.3))),
        loose=float(rng.uniform(0.0, 0.022)),
        bag=_one_of(rng, BAGS),
        bag_side=int(rng.choice([-1, 1])),
        bag_size=float(rng.uniform(0.8, 1.25)),
        bag_cloth=plain(rng),
        shoes=plain(rng),
    )


def _one_of(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[rng.integers(len(names))]


def _build(rng: np.random.Generator) -> Build:
    """Draw a body: one stoutness for all widths, and freedom for each of them."""
    stout = rng.uniform(-1.0, 1.0)
    shoulder, waist, hip, limb = rng.uniform(-1.0, 1.0, 4)
    return Build(
        height=float(rng.uniform(*HEIGHTS)),
        leg=float(rng.uniform(0.43, 0.52)),
        shoulder=float(0.118 + 0.012 * stout + 0.016 * shoulder),
        waist=float(0.092 + 0.020 * stout + 0.012 * waist),
        hip=float(0.100 + 0.016 * stout + 0.012 * hip),
        limb=float(0.030 + 0.005 * stout + 0.003 * limb),
        head=float(rng.uniform(0.92, 1.12)),
    )


def _skin(rng: np.random.Generator) -> Skin:
    """Draw a skin; in near-infrared all skins are bright."""
    dark = rng.random()
    red, green, blue = (1 - dark) * np.array([0.95, 0.78, 0.66]) + dark * np.array([0.40, 0.27, 0.20])
    return Skin((float(red), float(green), float(blue)), float(rng.uniform(0.55, 0.72)))


def _hair_colour(rng: np.random.Generator) -> Skin:
    """Draw black, brown, fair, red or grey hair; its infrared value is a draw of its own."""
    table = ((0.08, 0.07, 0.07), (0.32, 0.20, 0.12), (0.80, 0.66, 0.38), (0.60, 0.24, 0.10), (0.7, 0.7, 0.7))
    return Skin(table[rng.integers(len(table))], float(rng.uniform(0.12, 0.5)))
