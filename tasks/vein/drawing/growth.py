"""Growing a vein pattern from the root towards the tip, step by step.

The chart is the unrolled vein cylinder: x along the finger in pixels, azimuth in radians; ``pixels(x)`` is
the length of a radian, ``rho h(x)``. Mains keep to their azimuth by a mean-reverting walk of the heading;
every division follows Murray's law, the thicker branch going on as the vessel, the thinner one as its child.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from isofed.tasks.vein.drawing.graph import Graph, Vessel, connected, smoothed
from isofed.tasks.vein.drawing.identities import WIDTH
from isofed.tasks.vein.drawing.murray import divide

STRIDE = 0.035 * WIDTH  # pixels a step goes along the finger
BEGIN, LAST = -70.0, 0.85 * WIDTH  # x where vessels come into the canvas, and beyond which none grows
WANDER = 0.35 * np.sqrt(0.035 * 8)  # standard deviation of a step's change of heading, radians
DAMPING, PULL = 0.82, 0.16  # of the heading; towards the vessel's own azimuth, radians a radian
FARTHEST = 1.45  # azimuth no vessel leaves, radians
THINNEST = 1.6  # diameter at which a vessel ends, pixels
ON_MAIN, ON_CHILD = 0.10, 0.13  # chance of a division in a step
DIVIDES, GENERATIONS = 3.0, 3  # least diameter and number of generations that divide
DECAY = (0.985, 1.0)  # factor on the diameter in a step
LIFE = (0.12, 0.40)  # length of a child along the finger, share of the frame's width
SWELLS, SWELLING = 0.10, 0.5  # share of vessels that swell, and by how much at most
JITTER = 0.05  # of a vessel's depth about rho
STEEPEST = 1.15  # heading, radians
WALL, PUSH = 1.0, 1.6  # azimuth from which a vessel is turned back, and how hard, radians a radian
FINEST = 3.9  # diameter of the thinnest child and bridge, pixels
FADES = 4  # steps over which a free end grows thin


@dataclass(frozen=True)
class Shoot:
    """Where a vessel begins and where it wants to go.

    Attributes:
        x, azimuth, heading: of its first point; heading 0 is straight towards the tip.
        diameter: pixels, at the first point.
        home: azimuth to which it is drawn.
        end: x at which it ends.
        generation: 0 for the vessels from the root.
        joined: number of the vessel it branches from, or empty.
    """

    x: float
    azimuth: float
    heading: float
    diameter: float
    home: float
    end: float
    generation: int = 0
    joined: tuple[int, ...] = ()


def grow(rho: float, pixels: Callable[[float], float], rng: np.random.Generator) -> Graph:
    """Grow a finger's vein graph.

    Args:
        rho: radius of the vein layer, share of the skin's.
        pixels: x to the length of a radian there, pixels.
        rng: of this attempt.
    """
    waiting, vessels = _roots(rng), list[Vessel]()
    while waiting:
        shoot = waiting.pop(0)
        vessel, children = _grown(shoot, len(vessels), rho, pixels, rng)
        if len(vessel.points) > 2:
            vessels.append(vessel)
            waiting += children
    _bridge(vessels, rho, pixels, rng)
    middle = pixels(WIDTH / 2)
    return Graph(tuple(smoothed(vessel, middle, rng) for vessel in connected(vessels)))


def _roots(rng: np.random.Generator) -> list[Shoot]:
    """Draw two mains and one or two vessels between them."""
    shoots = []
    for side in (-1, 1):
        azimuth = side * rng.uniform(0.55, 0.95)
        shoots.append(_root(azimuth, rng.uniform(7.5, 10.5), rng.uniform(0.74, 0.82), rng))
    for _ in range(rng.integers(1, 3)):
        azimuth = rng.uniform(-0.35, 0.35)
        shoots.append(_root(azimuth, rng.uniform(4.0, 7.0), rng.uniform(0.55, 0.80), rng))
    return shoots


def _root(azimuth: float, diameter: float, end: float, rng: np.random.Generator) -> Shoot:
    return Shoot(BEGIN, azimuth, rng.normal(0, 0.1), diameter, azimuth, end * WIDTH)


def _grown(
    shoot: Shoot, number: int, rho: float, pixels: Callable[[float], float], rng: np.random.Generator
) -> tuple[Vessel, list[Shoot]]:
    """Let one vessel grow to its end; return it and what branched off."""
    x, azimuth, heading, diameter = shoot.x, shoot.azimuth, shoot.heading, shoot.diameter
    path, children, chance = [(x, azimuth, diameter)], list[Shoot](), ON_CHILD if shoot.joined else ON_MAIN
    while x < min(shoot.end, LAST) and diameter >= THINNEST:
        x, azimuth = _stepped(x, azimuth, heading, pixels)
        heading = DAMPING * heading + _drawn(azimuth, shoot.home) + rng.normal(0, WANDER)
        diameter *= rng.uniform(*DECAY)
        path.append((x, azimuth, diameter))
        if diameter > DIVIDES and shoot.generation < GENERATIONS and x > 0 and rng.random() < chance:
            diameter, turned, child = _divided(path[-1], heading, shoot, number, rng)
            children += [child] if child.diameter >= FINEST else []
            heading += turned
        heading = float(np.clip(heading, -STEEPEST, STEEPEST))
    points = np.array(path)
    depth = rho + rng.uniform(-JITTER, JITTER)
    swollen = points[:, 2] * _swelling(len(points), rng) * _fading(len(points))
    return Vessel(points[:, :2], swollen, depth, shoot.generation, shoot.joined), children


def _drawn(azimuth: float, home: float) -> float:
    """Return the pull of a vessel's own azimuth and the push of the finger's sides on the heading."""
    beyond = float(np.sign(azimuth)) * max(0.0, abs(azimuth) - WALL)
    return PULL * (home - azimuth) - PUSH * beyond


def _fading(points: int) -> np.ndarray:
    """Return factors on the diameters, (points,): a free end runs out."""
    return np.clip((points - np.arange(points)) / FADES, 0.3, 1.0)


def _stepped(
    x: float, azimuth: float, heading: float, pixels: Callable[[float], float]
) -> tuple[float, float]:
    """Go one step along the heading, turned back at the chart's sides."""
    x += STRIDE * np.cos(heading)
    azimuth += STRIDE * np.sin(heading) / pixels(x)
    return x, float(np.clip(azimuth, -FARTHEST, FARTHEST))


def _divided(
    at: tuple[float, float, float], heading: float, shoot: Shoot, number: int, rng: np.random.Generator
) -> tuple[float, float, Shoot]:
    """Divide a vessel: its new diameter, its turn, and the child."""
    x, azimuth, diameter = at
    d1, d2, t1, t2 = divide(diameter, rng)
    # towards the side with more room, mostly
    side = 1.0 if rng.random() < 0.5 - 0.35 * azimuth else -1.0
    home = float(np.clip(azimuth + side * rng.uniform(0.3, 0.9), -1.1, 1.1))
    end = x + rng.uniform(*LIFE) * WIDTH
    child = Shoot(x, azimuth, heading + side * t2, d2, home, end, shoot.generation + 1, (number,))
    return d1, -side * 0.6 * t1, child


def _swelling(points: int, rng: np.random.Generator) -> np.ndarray:
    """Return factors on the diameters, (points,): a smooth bulge on some vessels."""
    swells, where, much = rng.random(), rng.random(), rng.uniform(0, SWELLING)
    bulge = np.exp(-(((np.linspace(0, 1, points) - where) / 0.2) ** 2) / 2)
    return 1 + (much * bulge if swells < SWELLS else 0.0 * bulge)


def _bridge(
    vessels: list[Vessel], rho: float, pixels: Callable[[float], float], rng: np.random.Generator
) -> None:
    """Join different vessels by 3 to 8 bridges, which close loops; they are appended to ``vessels``."""
    grown = len(vessels)
    for _ in range(rng.integers(3, 9)):
        for _ in range(40):
            a, b = (int(n) for n in rng.choice(grown, 2, replace=False))
            bridge = _between(vessels[a], vessels[b], (a, b), rho, pixels, rng)
            if bridge is not None:
                vessels.append(bridge)
                break


def _between(
    one: Vessel, two: Vessel, numbers: tuple[int, int], rho: float,
    pixels: Callable[[float], float], rng: np.random.Generator,
) -> Vessel | None:  # fmt: skip
    """Draw a bridge through a jittered midpoint, or None where the drawn points do not suit."""
    i, j = int(rng.integers(len(one.points))), int(rng.integers(len(two.points)))
    a, b = sorted((one.points[i], two.points[j]), key=lambda point: float(point[0]))
    thick = rng.uniform(0.55, 0.80) * min(one.diameters[i], two.diameters[j])
    along, over = b[0] - a[0], (b[1] - a[1]) * pixels(float(a[0] + b[0]) / 2)
    steep = abs(over) > 1.6 * along
    if steep or not 30 < along < 0.25 * WIDTH or abs(over) < 14 or thick < FINEST or a[0] < 0:
        return None
    t = np.linspace(0, 1, 7)[:, None]
    # leaves one vessel and meets the other slanting; its middle is moved at random
    points = a + (b - a) * np.hstack([t, 0.35 * t + 0.65 * t * t * (3 - 2 * t)])
    points += rng.normal(0, (6.0, 0.08)) * np.sin(np.pi * t)
    depth = rho + rng.uniform(-JITTER, JITTER)
    return Vessel(points, np.full(7, thick), depth, max(one.generation, two.generation) + 1, numbers)
