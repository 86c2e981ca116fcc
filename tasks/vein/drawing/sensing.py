"""From light to bytes: illumination, the lens's gain, the sensor's noise and response."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import noise
from isofed.tasks.vein.drawing.sensors import Sensor, seen, zoom
from isofed.tasks.vein.drawing.variations import Exposure, Variation

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
WHOLE = 255  # brightest level
STEPS = 16  # of brightness between two levels, before the response is looked up
VEIL = 0.93  # of the mean that released motion mixes in


def gain(exposure: Exposure, x: Floats, y: Floats) -> Floats:
    """Return ``1 + A exp(-(((x-cx)/sx)^2 + ((y-cy)/sy)^2) / 2)`` at places of the field's own frame."""
    e = exposure
    across = ((x - np.float32(e.cx)) / np.float32(e.sx)) ** 2 / 2
    down = ((y - np.float32(e.cy)) / np.float32(e.sy)) ** 2 / 2
    # a product of two, so that a whole frame needs one row and one column of exponentials
    return 1 + np.float32(e.A) * np.exp(-across) * np.exp(-down)


def on_sensor(exposure: Exposure, sensor: Sensor) -> Exposure:
    """Return a field of the published frame in pixels of the sensor."""
    k, ((cx, cy),) = zoom(sensor), seen(sensor, np.array([[exposure.cx, exposure.cy]]))
    return Exposure(exposure.A, float(cx), float(cy), exposure.sx * k, exposure.sy * k)


def graded(light: Floats, variation: Variation, sensor: Sensor, x: Floats, y: Floats) -> Floats:
    """Apply what only scales the light: loss of contrast, gain of the lens, exposure.

    Args:
        light: (h, w).
        variation: how the picture is taken.
        sensor: by what.
        x, y: places on the sensor, pixels, (h, w) or what widens to it.
    """
    if variation.motion.contrast != 1:
        c = variation.motion.contrast
        light = np.float32(c) * light + np.float32((1 - c) * VEIL * light.mean())
    if variation.optical.gain != 1:
        light = light * np.float32(variation.optical.gain)
    for exposure in (Exposure(*sensor.light), variation.exposure):
        if exposure.A != 0:
            light = light * gain(on_sensor(exposure, sensor), x, y)
    return light


def sensed(light: Floats, gamma: float, variation: Variation, sensor: Sensor, quiet: float) -> Bytes:
    """Add the noise ``N(0, photon x + read^2)``, apply the response, round and clip to bytes.

    Args:
        light: (h, w), 0..255 and above.
        gamma: of the response.
        variation: says which noise.
        sensor: says how much.
        quiet: factor on the noise.
    """
    light = np.maximum(light, 0)
    strength = light * np.float32(sensor.photon * quiet**2)
    strength += np.float32((sensor.read * quiet) ** 2)
    np.sqrt(strength, out=strength)
    strength *= noise(variation.noise, light.shape)
    light += strength
    light *= STEPS
    light += np.float32(0.5)
    np.clip(light, 0, WHOLE * STEPS, out=light)
    return np.take(response(gamma), light.astype(np.int32))


@lru_cache(maxsize=64)
def response(gamma: float) -> Bytes:
    """Return the byte for every brightness, in STEPS parts of a level: ``255 (x / 255)^gamma``."""
    x = np.arange(WHOLE * STEPS + 1) / (WHOLE * STEPS)
    return np.rint(WHOLE * x**gamma).astype(np.uint8)
