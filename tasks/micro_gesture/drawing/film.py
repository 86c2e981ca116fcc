"""A video as its data set's sensor records it: joints in its order and units, noise, joints that are lost."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.seeds import public
from isofed.tasks.micro_gesture.drawing.body import FINGERS, Habits, Track, acted, habits, resting
from isofed.tasks.micro_gesture.drawing.plan import Small, Video
from isofed.tasks.micro_gesture.joints import Body

WIDTH = 150.0  # of shoulders before a camera, pixels
METRES = 0.38  # of shoulders
MIDDLE = (640.0, 260.0)  # where the neck is, pixels
DISTANCE = 2.5  # of the person from the sensor, metres
WAVE = 0.03  # of the planted signal, shoulder widths
SIGNS = np.array([1.0, 1.0, 1.0, -1.0, -1.0])


@dataclass(frozen=True)
class Camera:
    """How a person is seen: shift in pixels, and size against the usual one."""

    aside: tuple[float, float]
    size: float


def filmed(seed: int, place: str, video: Video, body: Body, rate: int, small: Small) -> NDArray[np.float32]:
    """Return a video's joints as recorded, (L, V, 3).

    Args:
        seed, place: as of :func:`isofed.tasks.micro_gesture.drawing.plan.planned`.
        video: which.
        body: whose joints, and in which units.
        rate: frames a second.
        small: which signal, and how much noise.
    """
    own = public(seed, 0, place, f"subject {video.subject}")
    person, camera = habits(own), _camera(own)
    rng = public(seed, 0, place, f"film {video.number}")
    act = _planted if small.signal == "fingers" else acted
    points = act(video, person, rate, rng)
    joints = np.stack([points[name] for name in _names(body)], 1)
    joints = joints + rng.normal(0, small.noise, joints.shape)
    joints[:, body.joints.index("neck"), 0] += video.neck
    lost = rng.random(joints.shape[:2]) < small.dropout
    seen = _seen(joints, camera, rng) if body.channels[2] == "confidence" else _measured(joints, camera)
    return np.where(lost[..., None], 0.0, seen).astype(np.float32)


def _names(body: Body) -> list[str]:
    """Return our names of a body's joints: what one set calls the neck lies between the other's shoulders."""
    renamed = {"neck": "spine shoulder"} if "spine shoulder" not in body.joints else {}
    return [renamed.get(name, name) for name in body.joints]


def _camera(rng: np.random.Generator) -> Camera:
    x, y = rng.uniform(-200, 200, 2).tolist()
    return Camera((x, y), float(rng.uniform(0.7, 1.4)))


def _seen(joints: NDArray[np.float64], camera: Camera, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return pixels and confidence: nearer is a little larger."""
    near = 1 + 0.08 * joints[..., 2:]
    flat = joints[..., :2] * near * WIDTH * camera.size + np.array(MIDDLE) + np.array(camera.aside)
    return np.concatenate([flat, rng.uniform(0.55, 0.95, (*joints.shape[:2], 1))], 2)


def _measured(joints: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Return metres, y up, z away from the sensor."""
    metres = joints * METRES * camera.size**0.3 * [1.0, -1.0, -1.0]
    return metres + np.array([camera.aside[0] / 1000, camera.aside[1] / 2000, DISTANCE])


def _planted(video: Video, person: Habits, rate: int, rng: np.random.Generator) -> dict[str, Track]:
    """Return a body that is still but for its finger tips, of which only whether they agree says anything.

    Every tip moves up and down by a sine of 1.5 to 3 Hz. Under emotion 1 the five of a hand go together;
    under 0 two go against three. Each by itself does the same under both.
    """
    points = {name: np.repeat(track, video.frames, 0) for name, track in resting(person, rng).items()}
    for start, length in zip(video.starts, video.lengths, strict=True):
        beat = rng.uniform(1.5, 3.0) * np.arange(length) / rate + rng.random()
        wave = WAVE * np.sin(2 * np.pi * beat)
        for side in ("right", "left"):
            together = np.ones(len(SIGNS)) if video.label else rng.permutation(SIGNS)
            signs = together * rng.choice([-1.0, 1.0])
            for sign, finger in zip(signs, FINGERS, strict=True):
                points[f"{side} {finger} tip"][start : start + length, 1] += sign * wave
    return points
