"""Two sets of pictures compared: is the published finger one of those that are drawn here?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.vein.realism.levels import moved_by
from isofed.tasks.vein.realism.numbers import MEASURES, Measure, Seen
from isofed.tasks.vein.realism.ridges import told_apart
from isofed.tasks.vein.realism.spectrum import apart

Floats = NDArray[np.float64]
# the published kinds by what they change, so that blurs do not hide what a plain picture looks like
GROUPS: Mapping[str, tuple[str, ...]] = {
    "pose": ("Shift", "Rotate", "Scale", "Roll"),
    "light": ("OpticalBlur", "MotionBlur", "Exposure", "SkinScatter"),
    "mixed": ("Multi",),
}


@dataclass(frozen=True)
class Spread:
    """Median and 5 % and 95 % points of a number; NaN where it could be measured nowhere."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Row:
    """One number in both sets.

    Attributes:
        measure: what.
        published, drawn: over the pictures.
        below: chance that a drawn finger's median lies below a published one's, ties counting half; 0 or 1
            where all lie on one side.
    """

    measure: Measure
    published: Spread
    drawn: Spread
    below: float


@dataclass(frozen=True)
class Curve:
    """A curve in both sets, the mean over a finger's pictures.

    Attributes:
        words: what it shows, and what a distance is.
        unit: of the distance.
        far: distance of two curves.
        published, drawn: (fingers, n).
        distance: from the mean of the published fingers to the mean of the drawn ones.
        usual: from each drawn finger to the mean of the others: what two sets may well differ by.
    """

    words: str
    unit: str
    far: Callable[[Floats, Floats], float] = field(repr=False)
    published: Floats = field(repr=False)
    drawn: Floats = field(repr=False)
    distance: float
    usual: Spread


@dataclass(frozen=True)
class Group:
    """What a group of kinds shows: counts of (pictures, fingers) in both sets, numbers, curves by name."""

    published: tuple[int, int]
    drawn: tuple[int, int]
    rows: tuple[Row, ...]
    curves: Mapping[str, Curve]


def root_mean_square(one: Floats, other: Floats) -> float:
    """Return ``sqrt(mean((a - b)^2))``, points that are not known left out."""
    return float(np.sqrt(np.nanmean((one - other) ** 2)))


CURVES: Mapping[str, tuple[str, str, Callable[[Floats, Floats], float]]] = {
    "inside": ("grey levels in the finger, moved mass", "levels", moved_by),
    "beside": ("grey levels beside the finger, moved mass", "levels", moved_by),
    "widths": ("vein widths, moved mass", "bins of 2 px", moved_by),
    "dip": ("brightness across a vein, root mean square", "", root_mean_square),
    "spectrum": ("power spectra, root mean square", "dB", apart),
    "ridge_vein": ("ridge filter on veins, moved mass", "bins of 0.005", moved_by),
    "ridge_tissue": ("ridge filter on tissue, moved mass", "bins of 0.005", moved_by),
}


def compare(published: Sequence[Seen], drawn: Sequence[Seen]) -> dict[str, Group]:
    """Compare two sets, group by group; groups that either lacks are left out.

    Args:
        published, drawn: what was measured of their pictures.

    Raises:
        DataError: no group is in both.
    """
    groups = {name: (_of(kinds, published), _of(kinds, drawn)) for name, kinds in GROUPS.items()}
    found = {name: _group(one, other) for name, (one, other) in groups.items() if one and other}
    if not found:
        raise DataError("the two sets show no kind of variation in common; expected pictures of one at least")
    return found


def _of(kinds: Iterable[str], pictures: Sequence[Seen]) -> list[Seen]:
    return [seen for seen in pictures if seen.kind in kinds]


def _group(published: Sequence[Seen], drawn: Sequence[Seen]) -> Group:
    one, other = by_finger(published), by_finger(drawn)
    return Group(
        (len(published), len(one)),
        (len(drawn), len(other)),
        tuple(_row(measure, one, other) for measure in MEASURES),
        {name: _curve(name, one, other) for name in CURVES},
    )


def by_finger(pictures: Sequence[Seen]) -> list[list[Seen]]:
    """Return the pictures of each finger."""
    fingers = dict.fromkeys(seen.finger for seen in pictures)
    return [[seen for seen in pictures if seen.finger == finger] for finger in fingers]


def _row(measure: Measure, published: Sequence[list[Seen]], drawn: Sequence[list[Seen]]) -> Row:
    values = [
        [np.array([seen.numbers[measure.name] for seen in finger]) for finger in fingers]
        for fingers in (published, drawn)
    ]
    one, other = ([spread(finger).median for finger in fingers] for fingers in values)
    below = told_apart(_finite(one), _finite(other))
    return Row(measure, spread(np.concatenate(values[0])), spread(np.concatenate(values[1])), below)


def _curve(name: str, published: Sequence[list[Seen]], drawn: Sequence[list[Seen]]) -> Curve:
    words, unit, far = CURVES[name]
    one, other = (
        np.array([np.mean([seen.curves[name] for seen in finger], axis=0) for finger in fingers])
        for fingers in (published, drawn)
    )
    distance = far(np.nanmean(one, axis=0), np.nanmean(other, axis=0))
    # a finger alone has no others
    alone = enumerate(other if len(other) > 1 else ())
    usual = [far(finger, np.nanmean(np.delete(other, n, 0), axis=0)) for n, finger in alone]
    return Curve(words, unit, far, one, other, distance, spread(np.array(usual)))


def spread(values: Floats) -> Spread:
    """Return the median and the 5 % and 95 % points of what is finite."""
    finite = _finite(values)
    if not len(finite):
        return Spread(*(float("nan"),) * 3)
    return Spread(*(float(value) for value in np.percentile(finite, (50, 5, 95))))


def _finite(values: Sequence[float] | Floats) -> Floats:
    given = np.asarray(values, np.float64)
    return given[np.isfinite(given)]
