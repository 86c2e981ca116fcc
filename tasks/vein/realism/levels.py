"""How bright the finger is, and what lies beside it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import gaussians

Floats = NDArray[np.float64]
LEVELS = 256
COARSEST = 1.5  # standard deviation of what is taken off, pixels: coarser structures are no grain


@dataclass(frozen=True)
class Levels:
    """Grey levels of one region.

    Attributes:
        mean, std: of its pixels, grey levels.
        histogram: (256,) shares of its pixels, which add up to 1; zeros where it has none.
    """

    mean: float
    std: float
    histogram: Floats


def levels(image: NDArray[np.uint8], region: NDArray[np.bool_]) -> Levels:
    """Return the grey levels of a region; NaN where it is empty."""
    counts = np.bincount(image[region], minlength=LEVELS).astype(np.float64)
    if not counts.any():
        return Levels(float("nan"), float("nan"), counts)
    shares, level = counts / counts.sum(), np.arange(LEVELS)
    mean = float(shares @ level)
    return Levels(mean, float(np.sqrt(shares @ (level - mean) ** 2)), shares)


def moved_by(one: Floats, other: Floats) -> float:
    """Return how far one histogram's mass has to be moved to become another: ``sum_k |F_1(k) - F_2(k)|``.

    Args:
        one, other: (n,) shares that add up to 1. The answer counts bins.

    Source: the Wasserstein distance of order 1 on a line, L. N. Vaserstein, 1969.
    """
    return float(np.abs(np.cumsum(one - other)).sum())


def grain(image: NDArray[np.uint8], region: NDArray[np.bool_]) -> float:
    """Return the standard deviation of ``I - G * I`` in a region, G of COARSEST pixels: noise and fine grain.

    White noise of standard deviation s comes out as ``s sqrt(1 - 1 / (2 pi c^2) * 2 + 1 / (4 pi c^2))``, c =
    COARSEST, which is 0.95 s.

    Args:
        image: (H, W).
        region: (H, W) of which pixels count. NaN where none does.
    """
    margin = int(4 * COARSEST)
    framed = np.pad(image.astype(np.float32), margin, mode="edge")
    smooth = gaussians(framed, ((COARSEST, COARSEST),))[0, margin:-margin, margin:-margin]
    return float((image - smooth)[region].std()) if region.any() else float("nan")
