"""A body in motion: it breathes, sways, and its hands go where gestures take them.

Places are in shoulder widths, see :mod:`isofed.tasks.micro_gesture.drawing.gestures`; every joint of both
published sets has a name here. All frames are drawn at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.micro_gesture.drawing.gestures import GESTURES, REST_LEFT, REST_RIGHT, Gesture
from isofed.tasks.micro_gesture.drawing.plan import Video

Track = NDArray[np.float64]  # (L, 3)
UPPER, FORE = 0.78, 0.66  # lengths of the arm's bones
FINGERS = ("thumb", "index", "middle", "ring", "little")
FAN = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # where the tips lie across a hand
REACH = np.array([0.24, 0.34, 0.36, 0.34, 0.28])  # and along it
TRUNK = {
    "spine base": (0.0, 1.45, 0.0),
    "spine mid": (0.0, 0.7, 0.0),
    "spine shoulder": (0.0, 0.0, 0.0),
    "left hip": (0.25, 1.5, 0.0),
    "right hip": (-0.25, 1.5, 0.0),
    "left knee": (0.27, 2.5, 0.05),
    "right knee": (-0.27, 2.5, 0.05),
    "left ankle": (0.28, 3.4, 0.0),
    "right ankle": (-0.28, 3.4, 0.0),
    "left foot": (0.3, 3.5, 0.2),
    "right foot": (-0.3, 3.5, 0.2),
}
STANDS = 1.4  # below this height nothing leans or sways
HEAD = {
    "neck": (0.0, -0.2, 0.0),
    "head": (0.0, -0.62, 0.0),
    "nose": (0.0, -0.5, 0.25),
    "right eye": (-0.09, -0.6, 0.2),
    "left eye": (0.09, -0.6, 0.2),
    "right ear": (-0.2, -0.55, 0.05),
    "left ear": (0.2, -0.55, 0.05),
}


@dataclass(frozen=True)
class Habits:
    """How a person is built and holds itself.

    Args:
        arms: length of the arms, 1 for the usual one.
        rest: where the hands rest, added to their places, (3,).
        breath: breaths a second.
        sway: how far the trunk sways, shoulder widths.
        tempo: of gestures, 1 for the usual one.
    """

    arms: float
    rest: NDArray[np.float64]
    breath: float
    sway: float
    tempo: float


def habits(rng: np.random.Generator) -> Habits:
    """Draw a person."""
    return Habits(
        arms=float(rng.uniform(0.92, 1.08)),
        rest=rng.normal(0, [0.05, 0.06, 0.03]),
        breath=float(rng.uniform(0.2, 0.33)),
        sway=float(rng.uniform(0.01, 0.04)),
        tempo=float(rng.uniform(0.8, 1.25)),
    )


def acted(video: Video, person: Habits, rate: int, rng: np.random.Generator) -> dict[str, Track]:
    """Return where each named point is in every frame of a video, (L, 3) each.

    Args:
        video: what happens.
        person: who acts.
        rate: frames a second.
        rng: chance, of what no plan says.
    """
    time = np.arange(video.frames) / rate
    course = _still(person, time, rng)
    for start, length, number in zip(video.starts, video.lengths, video.gestures, strict=True):
        _perform(course, slice(start, start + length), GESTURES[number], person, rate, rng)
    return _posed(course, person)


def resting(person: Habits, rng: np.random.Generator) -> dict[str, Track]:
    """Return where each named point is in a single frame in which nothing happens, (1, 3) each."""
    return _posed(_still(person, np.zeros(1), rng), person)


def _still(person: Habits, time: Track, rng: np.random.Generator) -> dict[str, Track]:
    """Return what moves a body at rest, each (L, 3): hands, head, shoulders, trunk; and the fingers' curl."""
    breath = 0.015 * np.sin(2 * np.pi * (person.breath * time + rng.random()))
    rates, phases = rng.uniform(0.05, 0.3, (3, 3)), rng.random((3, 3))
    waves = np.sin(2 * np.pi * (rates * time[:, None, None] + phases)).mean(1)
    mirrored = person.rest * [-1, 1, 1]
    return {
        "right": np.tile(np.array(REST_RIGHT) + person.rest, (len(time), 1)),
        "left": np.tile(np.array(REST_LEFT) + mirrored, (len(time), 1)),
        "head": 0.5 * person.sway * np.roll(waves, 1, 1),
        "shoulders": breath[:, None] * [0.0, -1.0, 0.3],
        "trunk": person.sway * waves * [1.0, 0.2, 0.6],
        "curl": np.full((len(time), 1), 0.3),
    }


def _perform(
    course: dict[str, Track],
    when: slice,
    gesture: Gesture,
    person: Habits,
    rate: int,
    rng: np.random.Generator,
) -> None:
    """Lead the body through a gesture: there, to and fro, and back; either side may do what one hand does."""
    length = when.stop - when.start
    how_much = _envelope(length)[:, None]
    beat = person.tempo * gesture.rate * np.arange(length) / rate + rng.random()
    swing = np.sin(2 * np.pi * beat)[:, None]
    hands = [(gesture.right, gesture.wave_right), (gesture.left, gesture.wave_left)]
    signs = np.ones(3)
    if rng.random() < 0.5:
        hands, signs = hands[::-1], np.array([-1.0, 1.0, 1.0])
    for side, (goal, wave) in zip(("right", "left"), hands, strict=True):
        if goal is not None:
            there = (np.array(goal) + rng.normal(0, 0.03, 3)) * signs + swing * np.array(wave) * signs
            course[side][when] += how_much * (there - course[side][when])
    course["head"][when] += how_much * (np.array(gesture.head) + swing * np.array(gesture.wave_head)) * signs
    course["shoulders"][when] += how_much * [0.0, -gesture.lift, 0.0]
    course["trunk"][when] += how_much * np.array(gesture.lean)
    course["curl"][when] += how_much * (gesture.curl - course["curl"][when])


def _envelope(length: int) -> NDArray[np.float64]:
    """Return how far a gesture has begun, (L,): from 0 to 1 in its first fifth, and back in its last."""
    place = (np.arange(length) + 0.5) / length
    ramp = np.clip(np.minimum(place, 1 - place) / 0.2, 0, 1)
    return np.asarray(ramp**2 * (3 - 2 * ramp))


def _posed(course: dict[str, Track], person: Habits) -> dict[str, Track]:
    points = {
        name: np.array(at) + course["trunk"] * max(0.0, min(1.0, STANDS - at[1]))
        for name, at in TRUNK.items()
    }
    neck = points["spine shoulder"] + course["shoulders"]
    points["spine shoulder"] = neck
    points |= {name: neck + at + course["head"] * min(1.0, -at[1] / 0.5) for name, at in HEAD.items()}
    for side, sign in (("right", -1.0), ("left", 1.0)):
        points |= _arm(side, sign, neck, course[side] + course["trunk"], course["curl"], person.arms)
    return points


def _arm(side: str, sign: float, neck: Track, goal: Track, curl: Track, arms: float) -> dict[str, Track]:
    """Return shoulder, elbow, wrist and hand of a side; the elbow hangs down and out."""
    shoulder = neck + np.array([0.5 * sign, 0.02, 0.0])
    upper, fore = UPPER * arms, FORE * arms
    way = goal - shoulder
    reach = np.linalg.norm(way, axis=1, keepdims=True)
    along = way / np.maximum(reach, 1e-9)
    reach = np.clip(reach, abs(upper - fore) + 0.01, 0.999 * (upper + fore))
    wrist = shoulder + along * reach
    pole = np.array([0.6 * sign, 0.8, -0.2])
    across = pole - along * (along @ pole)[:, None]
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    foot = (upper**2 - fore**2 + reach**2) / (2 * reach)
    elbow = shoulder + along * foot + across * np.sqrt(np.maximum(upper**2 - foot**2, 0.0))
    return {f"{side} shoulder": shoulder, f"{side} elbow": elbow, f"{side} wrist": wrist} | _hand(
        side, sign, wrist, wrist - elbow, curl
    )


def _hand(side: str, sign: float, wrist: Track, fore: Track, curl: Track) -> dict[str, Track]:
    along = fore / np.maximum(np.linalg.norm(fore, axis=1, keepdims=True), 1e-9)
    across = np.stack([-along[:, 1], along[:, 0], np.zeros(len(along))], 1) * sign
    reach = REACH[:, None, None] * (1 - 0.6 * curl)
    tips = wrist + reach * along + FAN[:, None, None] * 0.06 * (1 - 0.5 * curl) * across
    hand = {f"{side} {name} tip": tip for name, tip in zip(FINGERS, tips, strict=True)}
    return {
        f"{side} hand": wrist + 0.15 * along,
        f"{side} hand tip": tips[2],
        f"{side} thumb": tips[0],
        **hand,
    }
