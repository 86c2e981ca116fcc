"""Clips and videos counted: confusion matrices, votes of a video's clips, and what follows from them.

Every number here is a count, so that those of disjoint videos add up.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.suggest import pick

Integers = NDArray[np.int64]
ZERO, ONE, TIE = 0, 1, 2  # how the clips of a video voted
RIGHT, WRONG = "right", "wrong"
# what a tie is taken for: the video's own emotion, the other, or always the same one
TIES = (RIGHT, WRONG, "one", "zero")


@dataclass(frozen=True)
class Counts:
    """How clips and videos fell out.

    Attributes:
        clips: (2, 2), [y, p] clips of emotion y that are taken for p.
        videos: (2, 3), [y, v] videos of emotion y whose clips say 0, 1, or each equally often.
        squares: (2, 3), [y] sums over videos of emotion y: of r^2, r n and n^2, r of a video's n clips being
            right; see tasks/micro_gesture/spread.py.
    """

    clips: Integers
    videos: Integers
    squares: Integers

    @property
    def numbers(self) -> dict[str, float]:
        """All of them by name, as they leave the evaluator."""
        clips = {f"clips_{y}{p}": float(self.clips[y, p]) for y in (0, 1) for p in (0, 1)}
        videos = {f"videos_{y}{v}": float(self.videos[y, v]) for y in (0, 1) for v in (ZERO, ONE, TIE)}
        squares = {f"squares_{y}{at}": float(self.squares[y, at]) for y in (0, 1) for at in range(3)}
        return {**clips, **videos, **squares}


def counted(labels: Integers, predicted: Integers, videos: Integers) -> Counts:
    """Count clips and the votes of their videos.

    Args:
        labels: (N,) 0 or 1, the same for all clips of a video.
        predicted: (N,) 0 or 1.
        videos: (N,) any integers, the same for all clips of a video.
    """
    clips = np.bincount(2 * labels + predicted, minlength=4).reshape(2, 2)
    _, first, which = np.unique(videos, return_index=True, return_inverse=True)
    ones = np.bincount(which, predicted, len(first))
    zeros = np.bincount(which, 1 - predicted, len(first))
    said = np.where(ones == zeros, TIE, np.where(ones > zeros, ONE, ZERO))
    own = labels[first]
    right, size = np.where(own == 1, ones, zeros), ones + zeros
    each = (np.bincount(own, x, 2) for x in (right**2, right * size, size**2))
    voted = np.bincount(3 * own + said, minlength=6).reshape(2, 3)
    return Counts(clips, voted, np.stack(list(each), 1).astype(np.int64))


def of(numbers: Mapping[str, float]) -> Counts:
    """Return the counts that `Counts.numbers` wrote, or sums of such."""
    clips = [[numbers[f"clips_{y}{p}"] for p in (0, 1)] for y in (0, 1)]
    videos = [[numbers[f"videos_{y}{v}"] for v in (ZERO, ONE, TIE)] for y in (0, 1)]
    squares = [[numbers[f"squares_{y}{at}"] for at in range(3)] for y in (0, 1)]
    return Counts(*(np.array(each).astype(np.int64) for each in (clips, videos, squares)))


def decided(videos: Integers, tie: str) -> Integers:
    """Return (2, 2), [y, p] videos, each tie given to one side.

    Args:
        videos: (2, 3) as in `Counts`.
        tie: of ``TIES``.

    Raises:
        ConfigError: no such rule.
    """
    pick("tie", tie, dict.fromkeys(TIES))
    to = {RIGHT: (0, 1), WRONG: (1, 0), "one": (1, 1), "zero": (0, 0)}[tie]
    found = videos[:, :TIE].copy()
    found[[0, 1], to] += videos[:, TIE]
    return found


def accuracy(matrix: Integers) -> float:
    """Return the share on the diagonal of [y, p]."""
    return float(np.trace(matrix) / matrix.sum())


def f1(matrix: Integers, positive: int = 1) -> float:
    """Return 2 TP / (2 TP + FP + FN) of one class of [y, p]; 0 where it is neither there nor found."""
    hit = int(matrix[positive, positive])
    both = int(matrix[positive].sum() + matrix[:, positive].sum())
    return 2 * hit / both if both else 0.0


def macro_f1(matrix: Integers) -> float:
    """Return the mean of both classes' F1; of a single class that is there and found, its own."""
    there = matrix.sum(0) + matrix.sum(1) > 0
    return float(np.mean([f1(matrix, each) for each in np.flatnonzero(there).tolist()]))


def recall(matrix: Integers) -> float:
    """Return the unweighted mean of the recalls (UAR) of those classes of [y, p] that are there."""
    sizes = matrix.sum(1)
    return float(np.mean(np.diagonal(matrix)[sizes > 0] / sizes[sizes > 0]))
