"""A person walking past a camera: a film, whose frames follow one gait, path and turn.

With u one draw in -1..1 for each use and t the frame's number, the phase of the gait is
phi = pi u + PACE (1 + u / 5) t; legs and arms swing with sin(phi), and the body rises with cos(phi)^2. Place,
size, turn and background follow slow sines, so that neighbouring frames are alike and distant ones are not.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from isofed.seeds import public
from isofed.tasks.reid.drawing.cameras import (
    EXPOSURE,
    SHIFT,
    STRIDE,
    SWING,
    TURN_SPREAD,
    ZOOM,
    Look,
    Shot,
)
from isofed.tasks.reid.drawing.draw import take
from isofed.tasks.reid.drawing.figure import Pose
from isofed.tasks.reid.drawing.persons import person

PACE = 2 * np.pi / 12  # gait, radians a frame: two steps in twelve frames
SLOW = 2 * np.pi / 60  # everything else, radians a frame
BOB = 0.012  # how far a step lifts the body, body heights
TURN = 0.25  # largest change of the body's turn on the way, radians
FLICKER = 0.02  # largest relative change of the gain on the way
HIDDEN = 6  # frames for which something stands before the person, before and after a moment


def twins(look: Look, room: int) -> tuple[Look, Look]:
    """Return a camera's visible and infrared half: one place and one view, two sensors.

    Args:
        look: where the camera stands; if it is infrared, only its colours are new.
        room: number of the background behind both.
    """
    visible = replace(look, room=room, modality="visible")
    infrared = replace(
        visible, modality="infrared", tint=(1.0, 1.0, 1.0), gain=0.95, gamma=0.95, noise=1.2 * look.noise
    )
    return visible, infrared


def film(
    seed: int, identity: int, look: Look, way: str, view: str, frames: int, size: tuple[int, int]
) -> np.ndarray:
    """Draw consecutive frames of a walk: (n, H, W, 3) uint8, or (n, H, W) in infrared.

    Every frame is a function of (seed, person, way, view, number). Two films of the same way, taken by
    :func:`twins`, are aligned: the same movement seen by two sensors.

    Args:
        seed: of the data set.
        identity: who; the same number is the same person before every camera.
        look: what the camera does.
        way: tells this walk from others of the same person, such as ``"camera 1 walk 2"``.
        view: tells this film's noise from that of others.
        frames: how many.
        size: height and width, pixels.
    """
    someone = person(seed, identity)
    walk, grain = public(seed, 0, way, f"walk of {identity}"), public(seed, 0, view, f"noise of {identity}")
    shot = follow(look, someone.build.height, size, frames, walk, grain)
    return take(seed, someone, look, shot, size)


def follow(
    look: Look,
    tall: float,
    size: tuple[int, int],
    frames: int,
    walk: np.random.Generator,
    grain: np.random.Generator,
) -> Shot:
    """Draw a walk and lay out its frames; ``tall`` is the person's relative height.

    Args:
        walk: of the movement, from which as much is drawn for one frame as for many.
        grain: of the noise, frame by frame.
    """
    height, width = size
    moments = np.arange(frames, dtype=np.float64)[:, None]
    draws: Iterator[float] = iter(2 * walk.random(20) - 1)  # each in -1..1

    def slow() -> np.ndarray:
        """Return a slow sine of its own phase and pace, (n, 1)."""
        return np.sin(np.pi * next(draws) + SLOW * (1 + 0.3 * next(draws)) * moments)

    phase = np.pi * next(draws) + PACE * (1 + 0.2 * next(draws)) * moments
    scale = height * look.scale * tall * (1 + ZOOM * slow())
    ground = min(height * (0.5 + 0.5 * look.scale + 0.02), height * 0.985)
    behind = np.pi * ((1 + next(draws)) / 2 < look.backs)
    shape = (1 if look.modality == "infrared" else 3, height, width)
    return Shot(
        turn=look.yaw + 1.7 * TURN_SPREAD * next(draws) + TURN * slow() + behind,
        scale=scale,
        top=ground - scale * (1 + BOB * np.cos(phase) ** 2) + 0.5 * SHIFT * height * next(draws),
        middle=0.5 * width + SHIFT * height * slow(),
        exposure=1 + EXPOSURE * next(draws) + FLICKER * slow(),
        pan=0.5 + 0.5 * slow(),
        hidden=_passed(moments, look.hides, (1 + next(draws)) / 2, (1 + next(draws)) / 2),
        pose=_gait(phase, next(draws), next(draws)),
        noise=np.moveaxis(grain.standard_normal((frames, *shape), np.float32), 0, 1),
    )


def _gait(phase: np.ndarray, lively: float, wide: float) -> Pose:
    """Return the body's pose at each phase; a leg and the arm on its side swing against each other."""
    swing = (0.8 + 0.2 * lively) * np.sin(phase)
    still = np.ones_like(phase)
    return Pose(
        stride=STRIDE * swing,
        stance=(0.03 + 0.015 * lively) * still,
        swing=SWING * swing,
        spread=(0.08 + 0.05 * wide) * still,
        lean=0.012 * np.sin(phase),
    )


def _passed(moments: np.ndarray, share: float, chance: float, amount: float) -> np.ndarray:
    """Return how much of each frame is hidden: for a while around a moment, in a share of all films."""
    middle = 24 * amount
    hidden = (chance < share) & (np.abs(moments - middle) < HIDDEN)
    return np.where(hidden, 0.15 + 0.20 * amount, 0.0)
