"""Cloths of the drawn persons: two colours, a pattern, and what is left of them in infrared.

Near-infrared reflectance of a cloth = MATERIAL_SHARE of an independent material value + the rest of
its colour, mainly red and green. In PATTERN_SURVIVES of the cloths the two colours keep a contrast
in infrared, in the others the pattern vanishes there: shapes and surviving patterns are all that
crosses from one modality to the other.

A pattern is a function of the longitude ``around`` a body or limb (radians, 0 = front, +pi/2 = the
person's left) and of the distance ``down`` from the garment's upper edge (body heights); it gives
the weight of the second colour, 0 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PATTERN_SURVIVES = 0.6  # share of garments whose pattern is seen in infrared: less = harder
MATERIAL_SHARE = 0.5  # of the infrared reflectance that colour says nothing about: more = harder
VISIBLE_CONTRAST = 0.45  # least distance of the two colours in some channel: less = harder
INFRARED_CONTRAST = 0.30  # least distance in infrared where the pattern survives: less = harder
EDGE = 4.0  # steepness of a pattern's edges
PERIODS = (0.085, 0.16)  # of stripes, checks and dots, body heights: finer = harder, blur takes them
UPPER_REPEATS, LOWER_REPEATS = (4, 6), (2, 4)  # around the body, around a leg: finer = harder

NIR_OF_RGB = np.array([0.55, 0.40, 0.05])  # weights of red, green and blue in the colour's part

Pattern = Callable[["Cloth", np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Cloth:
    """A pattern in two colours.

    Attributes:
        pattern: a key of UPPER or LOWER.
        visible: two colours, each red, green, blue in 0..1.
        infrared: two reflectances in 0..1, equal where the pattern vanishes in infrared.
        period: length of one repeat down the garment, body heights.
        repeats: repeats around the body, a whole number.
        place: where a band, logo or yoke sits, body heights below the upper edge.
        survives: whether the pattern's contrast is kept in infrared.
    """

    pattern: str
    visible: tuple[tuple[float, float, float], tuple[float, float, float]]
    infrared: tuple[float, float]
    period: float
    repeats: int
    place: float
    survives: bool

    def colours(self, modality: str) -> np.ndarray:
        """Return the two colours, (2, 3) in visible and (2, 1) in infrared."""
        if modality == "infrared":
            return np.array(self.infrared, np.float32)[:, None]
        return np.array(self.visible, np.float32)


def _edge(x: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + EDGE * x, 0.0, 1.0)


def _plain(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return np.zeros_like(down)


def _rows(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(np.sin(2 * np.pi * down / cloth.period))


def _columns(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(np.sin(cloth.repeats * around))


def _check(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(2 * np.sin(2 * np.pi * down / cloth.period) * np.sin(cloth.repeats * around))


def _dots(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(np.cos(2 * np.pi * down / cloth.period) + np.cos(cloth.repeats * around) - 0.9)


def _band(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(6 * (0.5 * cloth.period + 0.015 - np.abs(down - cloth.place)) / cloth.period)


def _logo(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _band(cloth, around, down) * _edge(4 * (np.cos(around) - 0.78))


def _split(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(3 * np.sin(around))


def _yoke(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(40 * (cloth.place - down))


def _side_stripe(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    return _edge(6 * (0.5 - np.abs(np.cos(around))))


UPPER: dict[str, Pattern] = {
    "plain": _plain,
    "horizontal": _rows,
    "vertical": _columns,
    "check": _check,
    "dots": _dots,
    "band": _band,
    "logo": _logo,
    "split": _split,
    "yoke": _yoke,
}
LOWER: dict[str, Pattern] = {
    "plain": _plain,
    "side stripe": _side_stripe,
    "check": _check,
    "knee band": _band,
}


def weight(cloth: Cloth, around: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return the weight of the second colour for ``around`` and ``down``, arrays that broadcast."""
    pattern = UPPER[cloth.pattern] if cloth.pattern in UPPER else LOWER[cloth.pattern]
    return pattern(cloth, around, down)


def draw_upper(rng: np.random.Generator) -> Cloth:
    """Draw an upper garment's cloth."""
    return _draw(rng, tuple(UPPER), UPPER_REPEATS, place=rng.uniform(0.09, 0.17))


def draw_lower(rng: np.random.Generator) -> Cloth:
    """Draw a lower garment's cloth."""
    return _draw(rng, tuple(LOWER), LOWER_REPEATS, place=rng.uniform(0.22, 0.30))


def plain(rng: np.random.Generator) -> Cloth:
    """Draw a cloth of one colour: bags, shoes, hats."""
    return _draw(rng, ("plain",), (1, 1), place=0.0)


def reflectance(colour: np.ndarray, material: float) -> float:
    """Return a cloth's infrared reflectance, 0..1, from its (3,) colour and its material, 0..1."""
    return float((1 - MATERIAL_SHARE) * (NIR_OF_RGB @ colour) + MATERIAL_SHARE * material)


def _draw(
    rng: np.random.Generator, patterns: tuple[str, ...], repeats: tuple[int, int], place: float
) -> Cloth:
    first, second = _two_colours(rng)
    survives = bool(rng.random() < PATTERN_SURVIVES)
    return Cloth(
        pattern=patterns[rng.integers(len(patterns))],
        visible=(tuple(first.tolist()), tuple(second.tolist())),
        infrared=_two_reflectances(rng, first, second, survives),
        period=float(rng.uniform(*PERIODS)),
        repeats=int(rng.integers(repeats[0], repeats[1] + 1)),
        place=float(place),
        survives=survives,
    )


def _two_colours(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw two colours that differ by VISIBLE_CONTRAST in some channel."""
    first = rng.uniform(0.05, 0.95, 3)
    second = rng.uniform(0.05, 0.95, (16, 3))
    far = np.abs(second - first).max(axis=1) >= VISIBLE_CONTRAST
    return first, second[int(np.argmax(far))]


def _two_reflectances(
    rng: np.random.Generator, first: np.ndarray, second: np.ndarray, survives: bool
) -> tuple[float, float]:
    """Draw the materials: one for both colours, or two that leave INFRARED_CONTRAST between them."""
    one = reflectance(first, rng.random())
    others = [reflectance(second, material) for material in rng.random(24)]
    if not survives:
        return one, one
    far = [other for other in others if abs(other - one) >= INFRARED_CONTRAST]
    return one, far[0] if far else float(np.clip(one + np.sign(0.5 - one) * INFRARED_CONTRAST, 0.0, 1.0))
