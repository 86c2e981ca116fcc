"""Nine drawn cameras, each with a visible and an infrared half: 18 looks from one public draw.

They do not depend on the data set's seed, as LLCM's cameras do not: only what stands behind the persons
does. The visible halves see in low light: darker and noisier than those drawn for SYSU-MM01.
"""

from dataclasses import replace
from functools import cache

import numpy as np

from isofed.seeds import public
from isofed.tasks.reid.drawing.cameras import Look

ROOMS = 100  # LLCM's rooms are numbered after it, so that no other layout shares them
HIDERS = ("below", "left", "right")


@cache
def look(camera: int, modality: str) -> Look:
    """Return what a half of a camera does; both halves look at one room from one place."""
    rng = public(0, 0, f"llcm cam{camera}", "looks")
    visible = _visible(camera, rng)
    if modality == "visible":
        return visible
    return replace(
        visible,
        modality="infrared",
        gain=float(rng.uniform(0.80, 1.10)),
        gamma=float(rng.uniform(0.85, 1.15)),
        tint=(1.0, 1.0, 1.0),
        haze=float(rng.uniform(0.0, 0.06)),
        noise=float(rng.uniform(0.03, 0.045)),
    )


def _visible(camera: int, rng: np.random.Generator) -> Look:
    warm, green = rng.uniform(-0.16, 0.16), rng.uniform(-0.05, 0.05)
    return Look(
        room=ROOMS + camera,
        modality="visible",
        yaw=float(rng.uniform(-0.45, 0.45)),
        backs=float(rng.uniform(0.05, 0.30)),
        light=float(rng.uniform(0.10, 0.40) * rng.choice((-1, 1))),
        gain=float(rng.uniform(0.50, 0.90)),
        gamma=float(rng.uniform(0.85, 1.25)),
        tint=(float(1 + warm), float(1 + green), float(1 - warm)),
        haze=float(rng.uniform(0.0, 0.08)),
        blur=int(rng.integers(1, 3)),
        noise=float(rng.uniform(0.025, 0.05)),
        scale=float(rng.uniform(0.80, 0.92)),
        hides=float(rng.uniform(0.05, 0.20)),
        hider=str(rng.choice(HIDERS)),
    )
