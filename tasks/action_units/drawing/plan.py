"""Which clips a small drawn copy of CD6ME holds."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from isofed.config import within
from isofed.seeds import public
from isofed.tasks.action_units.drawing.styles import STYLES, Style
from isofed.tasks.action_units.labels import Clip
from isofed.tasks.action_units.model import UNITS

FIRST, SECOND, BOTH = 0, 1, 0.73  # places of units 1 and 2; P(2 | 1)
LEAST, MOST = 0.4, 1.6  # pixels that a unit moves a face of 128 pixels
EMOTIONS = ((12, "happiness"), (6, "happiness"), (1, "surprise"), (2, "surprise"), (5, "surprise"))
OTHERS = ((4, "disgust"), (9, "disgust"), (10, "disgust"), (15, "sadness"))


@dataclass(frozen=True)
class Small:
    """How much is drawn, of every database the same.

    Args:
        subjects: of each database, 1 to 99.
        clips: of each subject, 1 to 99.
        size: of a frame, pixels, 32 to 512; CAS(ME)3 has three quarters of it.
        frames: of a clip at most, from onset to offset, 3 to 200; the published medians where less.
        motion: factor on the 0.4 to 1.6 pixels (of 128) that a unit moves, 0 to 10.
        drift: of brightness, as a share, 0 to 0.5.
        shake: of the head, pixels of 128, 0 to 5.
        noise: of the sensor, levels, 0 to 20.
        still: share of CAS(ME)3's clips whose apex is their onset, 0 to 1.

    Raises:
        ConfigError: a number outside its range.
    """

    subjects: int = 8
    clips: int = 6
    size: int = 96
    frames: int = 12
    motion: float = 1.0
    drift: float = 0.02
    shake: float = 0.2
    noise: float = 1.5
    still: float = 0.05

    def __post_init__(self) -> None:
        within("subjects", self.subjects, 1, 99)
        within("clips", self.clips, 1, 99)
        within("size", self.size, 32, 512)
        within("frames", self.frames, 3, 200)
        for name, most in (("motion", 10), ("drift", 0.5), ("shake", 5), ("noise", 20), ("still", 1)):
            within(name, getattr(self, name), 0, most)


@dataclass(frozen=True)
class Planned:
    """A clip to be drawn: its row of the table, how far it moves (pixels of 128), each half's factor."""

    clip: Clip
    peak: float
    halves: tuple[float, float]


def planned(seed: int, small: Small) -> Iterator[Planned]:
    """Yield every clip of every database, in the table's order; each is a function of its own numbers."""
    for database, style in STYLES.items():
        for subject in range(1, small.subjects + 1):
            for number in range(1, small.clips + 1):
                yield _planned(seed, small, database, style, subject, number)


def _planned(seed: int, small: Small, database: str, style: Style, subject: int, number: int) -> Planned:
    rng = public(seed, 0, f"{database}/{subject}/{number}", "clip of action units")
    units = drawn_units(rng, style)
    frames = min(style.frames, small.frames)
    apex = min(max(1, round(style.apex * (frames - 1))), frames - 1)
    if database == "casme3a" and rng.random() < small.still:
        apex = 0
    onset = int(rng.integers(1, 200))
    clip = Clip(
        database,
        style.subject.format(s=subject),
        style.material.format(s=subject, c=number),
        onset,
        onset + apex,
        onset + frames - 1,
        "+".join(map(str, sorted(units))),
        next((word for unit, word in (*EMOTIONS, *OTHERS) if unit in units), "others"),
        units,
    )
    left, right = rng.permutation([1.0, rng.uniform(0.5, 1)])
    return Planned(clip, float(small.motion * rng.uniform(LEAST, MOST)), (float(left), float(right)))


def drawn_units(rng: np.random.Generator, style: Style) -> frozenset[int]:
    """Draw which units a clip shows: each as often as in the published database, 2 beside 1 at 0.73."""
    odds = np.array(style.positives) / style.clips
    draws = rng.random(len(UNITS))
    shown = draws < odds
    apart = max(0.0, odds[SECOND] - BOTH * odds[FIRST]) / max(1 - odds[FIRST], 1e-9)
    shown[SECOND] = draws[SECOND] < (BOTH if shown[FIRST] else apart)
    return frozenset(int(unit) for unit, there in zip(UNITS, shown, strict=True) if there)
