"""The 100 images of a finger: which of them shows what."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from isofed.errors import ConfigError
from isofed.tasks.vein.drawing.pose import Pose
from isofed.tasks.vein.drawing.streams import sample_stream
from isofed.tasks.vein.drawing.variations import Exposure, Motion, Optical, Scatter, Variation

Ends = tuple[float, float]
NONE = 0.1  # chance of no effect in the groups whose strength may be none
# chance of each factor in a "Multi" image, measured on the published finger
MIXED: Mapping[str, float] = MappingProxyType(
    {
        "shift": 0.58, "rotate": 0.58, "scale": 0.20, "roll": 0.24,
        "exposure": 0.42, "motion": 0.38, "optical": 0.36, "scatter": 0.38,
    }
)  # fmt: skip
MOST = 6  # factors at once


@dataclass(frozen=True)
class Schedule:
    """Ranges of the variations, those of the "Multi" images where a group has fixed values.

    Args:
        published: images 1..50 vary one thing each, as published, and the others are mixtures; else all are.
        angle: largest turn, degrees. dx: range of the shift along the finger, pixels. dy: largest across.
        roll: largest, degrees. scale: range.
        scatter: range of the point spread's standard deviation, pixels. haze: range of t.
        optical: range of the disc's radius, pixels. gain: range of the gain that comes with it.
        length: range of the motion's path, pixels, of which odd numbers are drawn.
        exposure: range of A. centre_x, centre_y, width_x, width_y: ranges of the field's place and width.
        released_motion: motion shows what the published files show, less contrast and no smear.
    """

    published: bool = True
    angle: float = 8.2
    dx: Ends = (-20.0, 0.0)
    dy: float = 29.0
    roll: float = 19.3
    scale: Ends = (0.90, 1.09)
    scatter: Ends = (0.7, 4.1)
    haze: Ends = (0.6, 1.0)
    optical: Ends = (1.0, 5.5)
    gain: Ends = (0.8, 1.0)
    length: tuple[int, int] = (3, 15)
    exposure: Ends = (-0.65, 0.75)
    centre_x: Ends = (0.0, 600.0)
    centre_y: Ends = (-120.0, 300.0)
    width_x: Ends = (180.0, 280.0)
    width_y: Ends = (170.0, 390.0)
    released_motion: bool = False


PUBLISHED = Schedule()
Rng = np.random.Generator
Change = Callable[[Variation, int, Schedule, Rng], Variation]


def variation(seed: int, finger: int, sample: int, schedule: Schedule = PUBLISHED) -> Variation:
    """Return how image ``sample`` of a finger was taken: a function of (seed, finger, sample) alone.

    Args:
        seed: of the data set, any integer.
        finger: its number, from 0.
        sample: from 1; numbers above 100 are further mixtures.
        schedule: ranges.

    Raises:
        ConfigError: a sample below 1.

    Source: Wang et al., "FingerVeinSyn-5M", 2025; ranges measured on the finger published with it.
    """
    if sample < 1:
        raise ConfigError(f"sample {sample} was asked for; they are numbered from 1")
    rng = sample_stream(seed, finger, sample)
    first, kind, change = group(sample) if schedule.published else (1, "Multi", _multi)
    start = Variation(number=sample, kind=kind, noise=(float(rng.random()), float(rng.random())))
    return change(start, sample - first, schedule, rng)


def group(sample: int) -> tuple[int, str, Change]:
    """Return the first image of the published group that ``sample`` is in, its kind, and what it changes."""
    first = 1
    for size, kind, change in GROUPS:
        if sample < first + size:
            return first, kind, change
        first += size
    return 51, "Multi", _multi


def spread_over(samples: int, whole: int = 100) -> tuple[int, ...]:
    """Return the numbers of ``samples`` images, spread over the schedule so that few still show all kinds."""
    if samples >= whole:
        return tuple(range(1, samples + 1))
    return tuple(int(n) for n in np.rint((np.arange(samples) + 0.5) * whole / samples + 0.5))


def _shift(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    dx = float(rng.integers(math.ceil(schedule.dx[0]), math.floor(schedule.dx[1]) + 1))
    return replace(start, pose=Pose(dx=dx, dy=-30.0 + 15 * place))


def _rotate(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    angle = -10.0 + 2 * place
    # keeps the root outside the frame
    return replace(start, pose=Pose(angle=angle, dx=-float(math.floor(3 * abs(angle)))))


def _scale(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    return replace(start, pose=Pose(scale=(0.90, 0.95, 1.05, 1.10, 1.15)[place]))


def _roll(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    return replace(start, roll=-20.0 + 5 * place)


def _maybe(change: Change) -> Change:
    def changed(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
        return start if rng.random() < NONE else change(start, place, schedule, rng)

    return changed


def _optical(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    return replace(start, optical=Optical(_in(schedule.optical, rng), _in(schedule.gain, rng)))


def _motion(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    low, high = schedule.length
    length = int(rng.choice(np.arange(low + (low + 1) % 2, high + 1, 2)))
    direction, curved = float(rng.uniform(0, 180)), rng.random() < 0.5
    bend = float(rng.uniform(-0.2, 0.2) * length) if curved else 0.0
    contrast = float(rng.uniform(0.4, 0.8))
    if schedule.released_motion:
        return replace(start, motion=Motion(contrast=contrast))
    return replace(start, motion=Motion(length, direction, bend))


def _exposure(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    s = schedule
    drawn = (_in(ends, rng) for ends in (s.exposure, s.centre_x, s.centre_y, s.width_x, s.width_y))
    return replace(start, exposure=Exposure(*drawn))


def _scatter(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    std, flat, hazy = _in(schedule.scatter, rng), bool(rng.random() < 0.5), rng.random() < 0.5
    haze = _in(schedule.haze, rng)
    return replace(start, scatter=Scatter(std, flat, haze if hazy else 1.0))


def _multi(start: Variation, place: int, schedule: Schedule, rng: Rng) -> Variation:
    chosen = _chosen(rng)
    # drawn in hundredths, as annotations spell them: what is written is what was done
    pose = Pose(
        angle=_hundredths((-schedule.angle, schedule.angle), rng) if "rotate" in chosen else 0.0,
        dx=_hundredths(schedule.dx, rng) if "shift" in chosen else 0.0,
        dy=_hundredths((-schedule.dy, schedule.dy), rng) if "shift" in chosen else 0.0,
        scale=_hundredths(schedule.scale, rng) if "scale" in chosen else 1.0,
    )
    roll = _hundredths((-schedule.roll, schedule.roll), rng) if "roll" in chosen else 0.0
    taken = replace(start, pose=pose, roll=roll)
    for name, change in FACTORS:
        taken = change(taken, place, schedule, rng) if name in chosen else taken
    return taken


def _chosen(rng: Rng) -> set[str]:
    """Draw which factors act: at least one, at most MOST."""
    while True:
        drawn = rng.random(len(MIXED))
        chosen = {name for (name, chance), d in zip(MIXED.items(), drawn, strict=True) if d < chance}
        if 1 <= len(chosen) <= MOST:
            return chosen


def _in(ends: Ends, rng: Rng) -> float:
    return float(rng.uniform(*ends))


def _hundredths(ends: Ends, rng: Rng) -> float:
    return round(_in(ends, rng), 2) + 0.0  # and no negative zero


FACTORS: tuple[tuple[str, Change], ...] = (
    ("exposure", _exposure), ("motion", _motion), ("optical", _optical), ("scatter", _scatter),
)  # fmt: skip
GROUPS: tuple[tuple[int, str, Change], ...] = (
    (5, "Shift", _shift),
    (11, "Rotate", _rotate),
    (5, "Scale", _scale),
    (9, "Roll", _roll),
    (5, "OpticalBlur", _maybe(_optical)),
    (5, "MotionBlur", _motion),
    (5, "Exposure", _maybe(_exposure)),
    (5, "SkinScatter", _scatter),
    (50, "Multi", _multi),
)
