"""The vessels of a mask: how wide, how many, how dark in the picture."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import gaussians
from isofed.tasks.vein.drawing.pattern import euler
from isofed.tasks.vein.realism.shapes import centreline, distance, length

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
THICK, THIN = 7.0, 5.0  # widths beyond which a vessel is called so, pixels
CLEAR, NEAR = (
    2.0,
    8.0,
)  # the surround begins so far from a vessel, and is a Gaussian mean of this width, pixels
RIM = 6.0  # pixels inside the outline that are no surround: what lies beside the finger shines in
ENOUGH = 0.05  # least weight of a surround
REACH = 14  # pixels from the centreline to which profiles go
FAR = 10  # from here on they are flat


@dataclass(frozen=True)
class Vessels:
    """A pattern.

    Attributes:
        line: (H, W) its centreline.
        widths: of the vessel at each of the line's pixels, row by row, pixels.
        coverage: share of the finger that is vein.
        length: of the centreline, pixels.
        columns: vessels met on the way across, mean over the columns that have any.
        loops: closed meshes, less the pieces beyond the first.
    """

    line: Mask = field(repr=False)
    widths: Floats = field(repr=False)
    coverage: float
    length: float
    columns: float
    loops: int


def vessels(veins: Mask, shape: Mask) -> Vessels:
    """Measure a pattern.

    A width is ``2 d``, d the distance from the centreline to the nearest pixel outside. A straight stroke of
    w whole pixels along an axis comes out as the even one of w and w + 1; over all places and directions
    strokes come out right on average, to a third of a pixel.

    Args:
        veins: (H, W) where vessels lie.
        shape: (H, W) where the finger lies.
    """
    line = centreline(veins)
    runs = (np.diff(veins.astype(np.int8), axis=0, prepend=0) == 1).sum(0)
    return Vessels(
        line,
        2 * distance(veins)[line],
        float((veins & shape).sum() / max(int(shape.sum()), 1)),
        length(line),
        float(runs[runs > 0].mean()) if runs.any() else 0.0,
        1 - euler(veins),
    )


def beside(image: NDArray[np.uint8], veins: Mask, shape: Mask) -> Floats:
    """Return the brightness of the tissue around each place, (H, W); NaN where there is too little of it.

    ``(G * (I t)) / (G * t)``: t is 1 in the finger, CLEAR pixels off all vessels and RIM inside the outline.
    """
    tissue = (distance(~veins) > CLEAR) & (distance(shape) > RIM)
    amount = gaussians((image * tissue).astype(np.float32), ((NEAR, NEAR),))[0].astype(np.float64)
    weight = gaussians(tissue.astype(np.float32), ((NEAR, NEAR),))[0].astype(np.float64)
    return np.where(weight > ENOUGH, amount / np.maximum(weight, ENOUGH), np.nan)


def profile(ratio: Floats, line: Mask) -> Floats:
    """Return the mean of ``ratio`` by the distance to the centreline, (REACH,), pixels 0, 1, ...

    Args:
        ratio: (H, W), NaN where it is not known.
        line: (H, W), the centreline.
    """
    away = distance(~line, REACH + 1)
    known = np.isfinite(ratio) & (away < REACH - 0.5)
    at = np.rint(away[known]).astype(int)
    counts = np.bincount(at, minlength=REACH)
    return np.bincount(at, ratio[known], REACH) / np.where(counts, counts, np.nan)


def full_width(found: Floats) -> float:
    """Return a profile's width at half depth, pixels, read between its points; NaN where it is no dip."""
    level = (found[0] + np.mean(found[FAR:])) / 2
    beyond = np.flatnonzero(found > level)
    if not (found[0] < level) or not len(beyond):
        return float("nan")
    last = int(beyond[0])
    return 2 * float(last - (found[last] - level) / (found[last] - found[last - 1]))
