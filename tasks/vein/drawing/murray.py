"""How a vessel divides: Murray's cubes and the angles of least work."""

import math

import numpy as np

SPREAD = 0.2  # standard deviation of the thicker branch's diameter, as a share of the symmetric one


def branches(d0: float, d1: float) -> tuple[float, float, float]:
    """Return the other branch's diameter and both branches' angles from the stem, radians.

    ``d2 = (d0^3 - d1^3)^(1/3)``, ``a = d2 / d1``,
    ``cos t1 = [(1+a^3)^(4/3) + 1 - a^4] / [2 (1+a^3)^(2/3)]``,
    ``cos t2 = [(1+a^3)^(4/3) + a^4 - 1] / [2 a^2 (1+a^3)^(2/3)]``.

    Args:
        d0: diameter of the stem, above 0.
        d1: diameter of one branch, above 0 and below ``d0``.

    Source: C. D. Murray, "The physiological principle of minimum work", 1926; the angles as in M. Zamir,
    "Optimality principles in arterial branching", 1976.
    """
    d2 = (d0**3 - d1**3) ** (1 / 3)
    a = d2 / d1
    whole = 1 + a**3
    cos1 = (whole ** (4 / 3) + 1 - a**4) / (2 * whole ** (2 / 3))
    cos2 = (whole ** (4 / 3) + a**4 - 1) / (2 * a**2 * whole ** (2 / 3))
    return d2, math.acos(min(1.0, cos1)), math.acos(min(1.0, cos2))


def divide(d0: float, rng: np.random.Generator) -> tuple[float, float, float, float]:
    """Draw a division of a stem: (d1, d2, t1, t2) with d1 >= d2, diameters in the unit of ``d0``.

    ``d1 ~ |N(d0 2^(-1/3), d0 2^(-1/3) / 5)|``, drawn again unless it is below ``d0``.
    """
    mean = d0 * 2 ** (-1 / 3)
    d1 = abs(rng.normal(mean, SPREAD * mean))
    while not 0.1 * d0 < d1 < 0.999 * d0:
        d1 = abs(rng.normal(mean, SPREAD * mean))
    d2, t1, t2 = branches(d0, d1)
    return (d1, d2, t1, t2) if d1 >= d2 else (d2, d1, t2, t1)
