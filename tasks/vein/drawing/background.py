"""What a sensor shows beside the finger."""

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import coloured, enlarged
from isofed.tasks.vein.drawing.identities import Identity
from isofed.tasks.vein.drawing.outline import has_block
from isofed.tasks.vein.drawing.sensing import WHOLE
from isofed.tasks.vein.drawing.sensors import Sensor, zoom

Floats = NDArray[np.float32]
GRAIN, PATCHES, SLOPE = (
    0.045,
    0.07,
    0.16,
)  # relative strength of fine grain, coarse patches, and top to bottom
EDGE, SHADE = 52.0, 0.68  # x of the device's inner edge, and what it leaves of the light before it


def background(finger: Identity, sensor: Sensor, rng: np.random.Generator, spill: float) -> Floats:
    """Draw the background of a finger's pictures, (height, width) float32: weak stripes on a dim ground.

    It stays where it is when the finger moves. With the light that spills beside the finger, and after the
    sensor's gamma, its mean is the finger's ``background``.

    Args:
        finger: its numbers.
        sensor: whose pictures they are.
        rng: of the finger.
        spill: mean light beside the finger, 0..255.
    """
    shape = (sensor.height, sensor.width)
    small = (shape[0] // 4 + 1, shape[1] // 4 + 1)
    coarse = enlarged(coloured(rng, small, 1.6, coarsest=2 / zoom(sensor)), shape)
    grain = coloured(rng, shape, 0.4, coarsest=4.0, stretch=1.8)
    slope = rng.uniform(-1, 1) * np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None]
    ground = 1 + PATCHES * coarse + GRAIN * grain + SLOPE * slope + _stripes(shape, rng)
    if has_block(finger):
        x = np.arange(shape[1], dtype=np.float32) / np.float32(zoom(sensor))
        ground = ground * (1 - (1 - SHADE) / (1 + np.exp(np.clip((x - EDGE) / 1.2, -30, 30))))
    ground = np.maximum(ground, 0.05)
    level = WHOLE * (finger.background / WHOLE) ** (1 / finger.gamma) - spill
    return np.asarray(max(level, 1.0) * ground / ground.mean(), np.float32)


def _stripes(shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Draw weak stripes along and across the finger."""
    strength, period, phase = rng.uniform(0.01, 0.04, 2), rng.uniform(5, 16, 2), rng.uniform(0, 6.3, 2)
    down, along = np.arange(shape[0])[:, None], np.arange(shape[1])
    down = strength[0] * np.sin(2 * np.pi * down / period[0] + phase[0])
    return np.asarray(down + strength[1] * np.sin(2 * np.pi * along / period[1] + phase[1]), np.float32)
