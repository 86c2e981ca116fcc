"""One finger before one sensor: everything that does not change from image to image, prepared once."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing import outline as shapes
from isofed.tasks.vein.drawing.background import background
from isofed.tasks.vein.drawing.chart import Layer, absorbance, depth_inside, layers
from isofed.tasks.vein.drawing.graph import Graph
from isofed.tasks.vein.drawing.growth import grow
from isofed.tasks.vein.drawing.identities import HEIGHT, WIDTH, Identity, draw_identity
from isofed.tasks.vein.drawing.outline import LEFT, ROWS, Outline, X, Y, across, coverage, outline
from isofed.tasks.vein.drawing.pattern import promising, suits
from isofed.tasks.vein.drawing.sensing import WHOLE
from isofed.tasks.vein.drawing.sensors import Sensor, ranges
from isofed.tasks.vein.drawing.streams import identity_stream
from isofed.tasks.vein.drawing.threads import one_thread
from isofed.tasks.vein.drawing.tissue import FLAT, beside, surface, tissue

Floats = NDArray[np.float32]
ATTEMPTS = 60  # at a pattern; the last is kept
Q_MOST = 3.0  # place across the finger beyond which it does not matter
Pattern = tuple[Graph, tuple[Layer, ...], Floats]


@dataclass(frozen=True)
class Finger:
    """A finger, ready to be taken pictures of; about 10 MB.

    Attributes:
        seed, number: whose it is: of the data set, and the finger's, from 0.
        identity: its numbers.
        graph: its vessels.
        chart: them as textures on the unrolled cylinder.
        shape: its outline.
        parts: (4, ROWS, COLUMNS): light through tissue times coverage; light beside and off the surface;
            coverage; place q across the finger.
        neutral: (3, ROWS, COLUMNS): light with veins, all of the above; coverage; distance inside the nearest
            vessel, pixels: for all images without roll.
        ground: (height, width): the background.
    """

    seed: int
    number: int
    identity: Identity
    graph: Graph = field(repr=False)
    chart: tuple[Layer, ...] = field(repr=False)
    shape: Outline = field(repr=False)
    parts: Floats = field(repr=False)
    neutral: Floats = field(repr=False)
    ground: Floats = field(repr=False)


def identity(seed: int, finger: int, sensor: Sensor | None = None) -> Finger:
    """Make a finger: a function of (seed, finger) and, for its looks alone, the sensor.

    Args:
        seed: of the data set, any integer.
        finger: its number, from 0. The same number is the same finger before every sensor.
        sensor: the published one where none is given.

    Source: Wang et al., "FingerVeinSyn-5M", 2025. Differs from the paper in the pattern, which is grown on a
    cylinder instead of being written by grammars in the plane, and in the renderer, which is a model of light
    instead of a network.
    """
    device = sensor or Sensor()
    with one_thread():
        rng = identity_stream(seed, finger)
        numbers = draw_identity(rng, ranges(device))
        shape = outline(numbers)
        graph, chart, inside = _pattern(seed, finger, numbers, shape, device.scatter)
        parts = _parts(numbers, shape, device, rng)
        parts, neutral = _lit(numbers, chart, parts, inside)
        ground = background(numbers, device, rng, _spilt(parts))
    return Finger(seed, finger, numbers, graph, chart, shape, parts, neutral, ground)


def canvas_points() -> tuple[Floats, Floats]:
    """Return x and y of the canvas's pixels, (ROWS, COLUMNS) each."""
    x, y = np.meshgrid(X, Y)
    return x, y


def _pattern(seed: int, finger: int, numbers: Identity, shape: Outline, scatter: float) -> Pattern:
    """Grow patterns until one suits; each attempt has a generator of its own."""
    q, x = np.clip(across(shape), -Q_MOST, Q_MOST), canvas_points()[0]
    for attempt in range(1, ATTEMPTS + 1):
        rng = identity_stream(seed, finger, attempt)
        graph = grow(numbers.rho, lambda at: numbers.rho * float(np.interp(at, X, shape.radius)), rng)
        if not promising(graph) and attempt < ATTEMPTS:
            continue
        chart = layers(graph, numbers.rho, shape, scatter)
        inside = depth_inside(chart, x, q, 0.0)
        if suits(graph, inside, shapes.box_height(numbers)):
            break
    return graph, chart, inside


def _spilt(parts: Floats) -> float:
    """Return the mean light beside the finger over the published frame."""
    seen = np.s_[:, -LEFT : -LEFT + 600]
    free = parts[2][seen] < 0.5
    # the canvas leaves out rows that no light reaches
    pixels = int(free.sum()) + (HEIGHT - ROWS) * WIDTH
    return float(parts[1][seen][free].sum()) / pixels


def _parts(numbers: Identity, shape: Outline, device: Sensor, rng: np.random.Generator) -> Floats:
    covered, flat = coverage(shape), surface(numbers)
    light = tissue(numbers, shape, device.style, rng)
    level = float((light * covered).sum() / covered.sum())
    off = FLAT * level * flat * covered + beside(numbers, shape) * level * (1 - covered)
    q = np.clip(across(shape), -Q_MOST, Q_MOST)
    return np.stack([light * covered * (1 - flat), off, covered, q]).astype(np.float32)


def _lit(numbers: Identity, chart: tuple[Layer, ...], parts: Floats, inside: Floats) -> tuple[Floats, Floats]:
    """Put the veins in and set the brightness: after the sensor's gamma the finger has its mean level."""
    light, off, covered, q = parts
    blood = absorbance(chart, canvas_points()[0], q, 0.0)
    whole = light * np.exp(np.float32(-numbers.mu_v) * blood) + off
    seen = np.s_[:, -LEFT : -LEFT + 600]
    finger = whole[seen][covered[seen] > 0.5] / WHOLE
    gain = (numbers.level / WHOLE / float((finger**numbers.gamma).mean())) ** (1 / numbers.gamma)
    parts[:2] *= np.float32(gain)
    return parts, np.stack([whole * np.float32(gain), covered, inside]).astype(np.float32)
