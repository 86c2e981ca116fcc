"""Which action units were found and which were there, as counts, and what follows from them.

Every number here is a count, so that those of disjoint clips, and of databases, add up.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.action_units.labels import KEYS, Integers
from isofed.tasks.action_units.model import UNITS

Floats = NDArray[np.float64]
KINDS = ("tp", "fp", "fn", "tn")  # of a clip and a unit: hit, false, missed, rightly not found


def counted(marks: NDArray[np.bool_], found: NDArray[np.bool_]) -> Integers:
    """Return (units, 4), of each unit how often each of ``KINDS`` came.

    Args:
        marks: (N, units), which were there.
        found: (N, units), which were said to be there.
    """
    return np.stack([(marks & found), (~marks & found), (marks & ~found), (~marks & ~found)], -1).sum(0)


def f1(counts: Integers) -> Floats:
    """Return F1 of the positives, 2 TP / (2 TP + FP + FN), 0 where there are none: (..., 4) to (...)."""
    tp, fp, fn, _ = np.moveaxis(counts, -1, 0)
    both = 2 * tp + fp + fn
    return np.asarray(2 * tp / np.maximum(both, 1))


def macro(counts: Integers) -> Floats:
    """Return the mean of the positives' F1 and the negatives', CD6ME's "F1": (..., 4) to (...)."""
    return (f1(counts) + f1(counts[..., ::-1])) / 2


def named(counts: Integers, database: str, branch: str) -> dict[str, float]:
    """Return counts (12, 4) by name, such as ``samm:AU4:mean:tp``."""
    return {
        f"{database}:AU{unit}:{branch}:{kind}": float(counts[row, column])
        for row, unit in enumerate(UNITS)
        for column, kind in enumerate(KINDS)
    }


def of(numbers: Mapping[str, float], branch: str) -> tuple[tuple[str, ...], Integers]:
    """Return the databases and their counts, (D, 12, 4), that :func:`named` wrote, or sums of such."""
    keys = tuple(key for key in KEYS if f"{key}:AU{UNITS[0]}:{branch}:tp" in numbers)
    found = [
        [[numbers[f"{key}:AU{unit}:{branch}:{kind}"] for kind in KINDS] for unit in UNITS] for key in keys
    ]
    return keys, np.array(found).astype(np.int64)
