"""Standard errors of shares whose trials stand together in videos, from sums over videos alone.

A measure is a function of the counts r_v, clips of a video that are right, and n_v, its clips. Where it moves
by a_y r_v + b_y n_v with one more video of emotion y, its standard error, videos being drawn anew, is::

    s = sqrt(V / (V - 1) sum_v (a_y r_v + b_y n_v)^2)

Slopes are (2, 2), [y] to a and b; squares are (2, 3), [y] to the sums of r_v^2, r_v n_v and n_v^2. Both are
worked out where the slopes sum to nothing over all videos, as they do at the counts that they are taken at.

Source: Cochran, "Sampling Techniques", 3rd edition, 1977, chapter 6, for ratios of sums over clusters.
"""

import math

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.micro_gesture import votes

Slopes = NDArray[np.float64]
Integers = NDArray[np.int64]


def error(slopes: Slopes, squares: Integers, videos: int) -> float:
    """Return s; 0 of a single video, which says nothing of others."""
    a, b = slopes.T
    rr, rn, nn = squares.T.astype(np.float64)
    total = float((a**2 * rr + 2 * a * b * rn + b**2 * nn).sum())
    return math.sqrt(max(total, 0.0) * videos / (videos - 1)) if videos > 1 else 0.0


def alone(matrix: Integers) -> Integers:
    """Return the squares of videos that are one trial each, decided as [y, p]: r is 0 or 1, n is 1."""
    right = np.diagonal(matrix)
    return np.stack([right, right, matrix.sum(1)], 1)


def accuracy(matrix: Integers) -> Slopes:
    """Return the slopes of the share on the diagonal of [y, p]: (r - p n) / N."""
    total = float(matrix.sum())
    return np.tile([1 / total, -votes.accuracy(matrix) / total], (2, 1))


def recall(matrix: Integers) -> Slopes:
    """Return the slopes of the mean recall of the emotions that are there: (r - p_y n) / (K N_y)."""
    sizes = np.maximum(matrix.sum(1), 1).astype(np.float64)
    there = matrix.sum(1) > 0
    found = np.stack([1 / sizes, -np.diagonal(matrix) / sizes**2], 1)
    return np.asarray(found * there[:, None] / there.sum())


def f1(matrix: Integers, positive: int = 1) -> Slopes:
    """Return the slopes of one emotion's F = 2 TP / D, D = 2 TP + FP + FN.

    Its own videos move it by ((2 - F) r - F n) / D, the others by F (r - n) / D.
    """
    both = float(matrix[positive].sum() + matrix[:, positive].sum())
    value, found = votes.f1(matrix, positive), np.zeros((2, 2))
    if both:
        found[positive] = (2 - value) / both, -value / both
        found[1 - positive] = value / both, -value / both
    return found


def macro_f1(matrix: Integers) -> Slopes:
    """Return the slopes of the mean F1 of those emotions that are there or found."""
    there = np.flatnonzero(matrix.sum(0) + matrix.sum(1))
    return np.asarray(np.mean([f1(matrix, each) for each in there.tolist()], 0))
