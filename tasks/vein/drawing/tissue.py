"""What light does in a finger without veins: Beer-Lambert through round tissue, joints, texture, skin."""

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import coloured, enlarged
from isofed.tasks.vein.drawing.identities import WIDTH, Identity
from isofed.tasks.vein.drawing.outline import (
    BLOCK_END,
    COLUMNS,
    ROWS,
    TOP,
    Outline,
    X,
    Y,
    across,
    has_block,
)

Floats = NDArray[np.float32]
FINE = 0.02  # standard deviation of the fine texture, spectrum 1/f^1.5
COARSE = 45.0  # wavelength below which patches are smooth, pixels
SPOT = 0.45  # sigma_y of a joint's glow, share of the half-width
BAND = 0.16  # share of the glow that the whole width of the joint shows: there is no bone
FOLDS = 4  # of the skin, at each joint
SPILL, FAR = 0.10, 26.0  # light beside the finger: share of the mean level, and distance at which it is 1/e
DIFFUSE = 0.75  # how much of the block's light comes from its surface
FLAT = 0.68  # brightness of the block's surface, share of the mean level


def tissue(finger: Identity, shape: Outline, style: str, rng: np.random.Generator) -> Floats:
    """Return the light that leaves a finger without veins, (ROWS, COLUMNS), in no unit.

    ``exp(-tau sqrt(1 - q^2)) (1 + sum_k g_k glow_k) (1 + texture)``: thin sides are bright, joints glow.

    Args:
        finger: its numbers.
        shape: its outline.
        style: of the sensor; under "reflection" the middle is bright and joints hardly glow.
        rng: of the finger.
    """
    q = np.clip(across(shape), -1, 1)
    through = _through(shape)
    reflected = style == "reflection"
    light = np.exp(-finger.tau * (0.8 * (1 - through) if reflected else through))
    light *= 1 + (0.2 if reflected else 1.0) * _glow(finger, q)
    light *= 1 + finger.lateral * q
    light *= 1 - (0.3 if reflected else 1.0) * _dusk(finger, q)
    return np.asarray(light * _texture(finger, rng) * _folds(finger, q, rng), np.float32)


def _through(shape: Outline) -> Floats:
    """Return the way through the finger as a share of its thickness, ``sqrt(1 - q^2)``.

    q is told from the distance to the outline, so that the rim goes around the tip.
    """
    q = 1 - np.clip(-shape.outside / shape.thick, 0, 1)
    return np.asarray(np.sqrt(1 - q * q), np.float32)


def joint_glow(gain: float, sigma: float, x: Floats, q: Floats) -> Floats:
    """Return ``g exp(-((x / sigma_x)^2 + (q / .45)^2) / 2)``, ``x`` from the joint, and the wide part."""
    spot = (1 - BAND) * np.exp(-((q / SPOT) ** 2) / 2) + BAND
    return np.asarray(gain * np.exp(-((x / sigma) ** 2) / 2) * spot, np.float32)


def _glow(finger: Identity, q: Floats) -> Floats:
    first = joint_glow(finger.g1, finger.s1, X - WIDTH * finger.j1, q)
    return first + joint_glow(finger.g2, finger.s2, X - WIDTH * finger.j2, q)


def _dusk(finger: Identity, q: Floats) -> Floats:
    """Return how much darker the fingertip is: bone and nail lie before the light."""
    along = np.exp(-(((X - finger.tip + 84) / 40) ** 2) / 2)
    return np.asarray(finger.dusk * along * np.exp(-((q / 0.62) ** 2) / 2), np.float32)


def _texture(finger: Identity, rng: np.random.Generator) -> Floats:
    fine = coloured(rng, (ROWS, COLUMNS), 1.5, coarsest=1.5, stretch=2.0)
    # coarse patches need few points, and are read between them
    small = coloured(rng, (ROWS // 10, COLUMNS // 10), 2.2, coarsest=1000 / COARSE / 3, stretch=1.6)
    return np.exp(FINE * fine + finger.mottle * enlarged(small, (ROWS, COLUMNS)))


def _folds(finger: Identity, q: Floats, rng: np.random.Generator) -> Floats:
    """Return what the skin's folds over the joints leave of the light."""
    left = np.ones_like(q)
    for joint in (finger.j1, finger.j2):
        for _ in range(FOLDS):
            x, curve, width = rng.normal(WIDTH * joint, 12), rng.uniform(-9, 9), rng.uniform(1.0, 2.4)
            strength = finger.crease * rng.uniform(0.2, 1.0)
            middle, reach = rng.uniform(-0.8, 0.8), rng.uniform(0.25, 0.8)
            first = max(0, int(x - X[0]) - 16)
            part = np.s_[:, first : first + 33]
            lies = (X[part[1]] - x - curve * q[part] ** 2) / width
            ends = ((q[part] - middle) / reach) ** 2
            left[part] *= 1 - strength * np.exp(-(lies**2 + ends) / 2)
    return left


def beside(finger: Identity, shape: Outline) -> Floats:
    """Return the light that spills beside a finger, (ROWS, COLUMNS), a share of its mean level."""
    distance = np.maximum(shape.outside, 0)
    upper = np.where(Y[:, None] < shape.axis, 1.25, 0.75)
    root = np.clip((X[-1] - X) / WIDTH, 0, 1)
    fades = np.clip((Y - TOP) / 20, 0, 1) * np.clip((Y[-1] - Y) / 20, 0, 1)
    return np.asarray(SPILL * upper * root * np.exp(-distance / FAR) * fades[:, None], np.float32)


def surface(finger: Identity) -> Floats:
    """Return the share of surface light along x, (COLUMNS,): what hides the veins of the root block."""
    step = 1 / (1 + np.exp(np.clip((X - BLOCK_END - 6) / 1.6, -30, 30)))
    return np.asarray(DIFFUSE * step if has_block(finger) else 0 * step, np.float32)
