"""What hands, head and shoulders do, and how often under which emotion.

Places are in shoulder widths from the point between the clavicles: x to the right of the picture, y down, z
towards the camera; the person looks into it, so the right hand is at negative x.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.suggest import pick

Vector = tuple[float, float, float]
NOWHERE: Vector = (0.0, 0.0, 0.0)
REST_RIGHT, REST_LEFT = (-0.28, 1.2, 0.35), (0.28, 1.2, 0.35)  # hands lie before the body


@dataclass(frozen=True)
class Gesture:
    """One thing that a body does.

    Args:
        name: in words.
        right, left: where the wrists go; ``None`` for where they rest.
        wave_right, wave_left: how far they move to and fro there.
        rate: of that, a second.
        curl: of the fingers, 0 stretched to 1.
        head: where the head moves.
        wave_head: how far it moves to and fro.
        lift: of the shoulders.
        lean: where the trunk leans.
        tilt: how much more often it is seen under emotion 1 than under 0, -1 to 1.
    """

    name: str
    right: Vector | None = None
    left: Vector | None = None
    wave_right: Vector = NOWHERE
    wave_left: Vector = NOWHERE
    rate: float = 1.0
    curl: float = 0.2
    head: Vector = NOWHERE
    wave_head: Vector = NOWHERE
    lift: float = 0.0
    lean: Vector = NOWHERE
    tilt: float = 0.0


GESTURES = (
    Gesture("touching the face", (-0.12, -0.3, 0.4), wave_right=(0.02, 0.03, 0.0), curl=0.4, tilt=-0.9),
    Gesture("touching the neck", (-0.2, 0.0, 0.3), curl=0.3, head=(0.03, 0.03, 0.0), tilt=-0.7),
    Gesture("scratching the head", (-0.2, -0.6, 0.2), wave_right=(0.03, 0.05, 0.0), rate=3.0, tilt=-0.5),
    Gesture("rubbing the eyes", (-0.08, -0.45, 0.4), wave_right=(0.06, 0, 0), rate=2.0, curl=0.7, tilt=-0.6),
    Gesture("folding the arms", (0.3, 0.6, 0.4), (-0.3, 0.55, 0.45), curl=0.6, tilt=-0.8),
    Gesture(
        "rubbing the hands",
        (-0.06, 0.95, 0.55),
        (0.06, 0.95, 0.55),
        (0.0, 0.08, 0.0),
        (0.0, -0.08, 0.0),
        rate=2.5,
        tilt=-0.3,
    ),
    Gesture("crossing the fingers", (-0.05, 1.0, 0.5), (0.05, 1.0, 0.5), curl=0.9),
    Gesture("holding the other arm", (0.3, 0.95, 0.45), curl=0.5, tilt=-0.2),
    Gesture("shrugging", (-0.7, 0.8, 0.4), (0.7, 0.8, 0.4), lift=0.15, tilt=0.5),
    Gesture(
        "illustrating",
        (-0.5, 0.5, 0.6),
        (0.5, 0.5, 0.6),
        (0.1, 0.12, 0.05),
        (-0.1, 0.12, 0.05),
        rate=1.5,
        curl=0.0,
        tilt=0.9,
    ),
    Gesture("leaning back", lean=(0.0, -0.1, -0.25), tilt=0.4),
    Gesture("nodding", wave_head=(0.0, 0.06, 0.02), rate=1.5, tilt=0.9),
    Gesture("shaking the head", wave_head=(0.08, 0.0, 0.0), rate=1.8, tilt=-0.4),
    Gesture("raising a hand", (-0.6, 0.1, 0.5), wave_right=(0.05, 0.02, 0.0), curl=0.0, tilt=0.7),
)
BY_NAME = {gesture.name: gesture for gesture in GESTURES}


def mix(emotion: int, contrast: float) -> NDArray[np.float64]:
    """Return how likely each gesture is, p ~ 1 + contrast tilt (2 emotion - 1).

    Args:
        emotion: 0 or 1.
        contrast: 0, where nothing tells the emotions apart, to 1.
    """
    weights = 1 + contrast * np.array([gesture.tilt for gesture in GESTURES]) * (2 * emotion - 1)
    return np.asarray(weights / weights.sum())


def named(name: str) -> Gesture:
    """Return a gesture by its name.

    Raises:
        ConfigError: there is none.
    """
    return pick("gesture", name, BY_NAME)
