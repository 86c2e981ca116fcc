"""Who is filmed how often, what each video's emotion is, and which side of the protocol it is on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.config import within
from isofed.seeds import public
from isofed.suggest import pick
from isofed.tasks.micro_gesture.drawing.gestures import GESTURES, mix

Integers = NDArray[np.int64]
SIGNALS = ("gestures", "fingers")
SHORTEST, LONGEST, PAUSE = 20, 120, 12  # frames of a clip, and between two
TRAINED, TESTED = "train", "test"


@dataclass(frozen=True)
class Small:
    """How much is drawn, and what is to be found in it.

    Of four subjects one is only trained on, one only tested on, and of two some videos are on either side.

    Args:
        subjects: 1 to 1000; with at least 4 there are some whom nobody trains on.
        videos: of each, 1 to 100.
        clips: of each video, 1 to 1000.
        signal: what tells the emotions apart: ``gestures``, how often each is seen, or ``fingers``, that the
            tips of a hand move together or against each other, and nothing else.
        contrast: how differently often gestures are seen, 0 to 1.
        noise: standard deviation of a joint's place, shoulder widths, 0 to 1.
        dropout: share of the joints that were not found, 0 to 0.9.
        shift: how far the neck lies aside, shoulder widths, 0 to 1: to the side that the emotion says in
            videos to train on, to any in others, so that whoever mixes videos finds what is not there.
        odd: whether one subject has one emotion alone, and one video a single clip of a single frame.

    Raises:
        ConfigError: a number outside its range, or an unknown signal.
    """

    subjects: int = 12
    videos: int = 3
    clips: int = 8
    signal: str = "gestures"
    contrast: float = 0.9
    noise: float = 0.01
    dropout: float = 0.05
    shift: float = 0.0
    odd: bool = True

    def __post_init__(self) -> None:
        pick("signal", self.signal, dict.fromkeys(SIGNALS))
        for name, high in (("subjects", 1000), ("videos", 100), ("clips", 1000)):
            within(name, getattr(self, name), 1, high)
        for name, most in (("contrast", 1.0), ("noise", 1.0), ("dropout", 0.9), ("shift", 1.0)):
            within(name, getattr(self, name), 0, most)


@dataclass(frozen=True)
class Video:
    """One recording before it is drawn.

    Attributes:
        number: from 1, in its tree.
        subject: from 1.
        label: 0 or 1.
        side: ``train`` or ``test``.
        starts, lengths: (n,) of its clips, frames.
        gestures: (n,) which of ``GESTURES`` each shows.
        neck: how far the neck lies aside, shoulder widths.
    """

    number: int
    subject: int
    label: int
    side: str
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    gestures: NDArray[np.int64]
    neck: float

    @property
    def frames(self) -> int:
        """How many frames it has, with a pause at either end."""
        return int(self.starts[-1] + self.lengths[-1]) + PAUSE

    def __len__(self) -> int:
        return len(self.starts)


def planned(seed: int, place: str, small: Small) -> Iterator[Video]:
    """Yield the videos of a tree, subject by subject.

    Args:
        seed: any integer.
        place: whose tree; two places share nobody.
        small: how much.
    """
    for subject in range(small.subjects):
        for video in range(small.videos):
            rng = public(seed, 0, place, f"video {subject} {video}")
            side = _side(subject, video)
            single = small.odd and subject == 0
            label = 1 if single else (subject + video // 2 + video % 2) % 2
            odd = small.odd and subject == small.subjects - 1 and video == 0
            aside = (2 * label - 1) if side == TRAINED else (2 * int(rng.integers(2)) - 1)
            starts, lengths, gestures = _clips(rng, small, label, odd)
            number = 1 + subject * small.videos + video
            neck = small.shift * aside
            yield Video(number, 1 + subject, label, side, starts, lengths, gestures, neck)


def _side(subject: int, video: int) -> str:
    kind = subject % 4
    return TESTED if kind == 3 or (kind != 2 and video % 2) else TRAINED


def _clips(
    rng: np.random.Generator, small: Small, label: int, odd: bool
) -> tuple[Integers, Integers, Integers]:
    count = 1 if odd else small.clips
    # many short clips and a few long ones, as published: median 40 frames, mean 65
    skewed = SHORTEST + (LONGEST - SHORTEST) * rng.random(count) ** 2
    lengths = np.ones(1, np.int64) if odd else skewed.astype(np.int64)
    starts = PAUSE + np.cumsum(np.concatenate([[0], lengths[:-1] + PAUSE]))
    gestures = rng.choice(len(GESTURES), count, p=mix(label, small.contrast))
    return starts, lengths, gestures
