"""How a filter for dark lines answers to a picture."""

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import gaussians

Floats = NDArray[np.float64]
SCALES = (2.0, 3.0, 4.5)  # standard deviations, pixels: lines of 3 to 16 pixels answer
EDGE = 10.0  # pixels inside the outline before which the finger's edge answers, not a vessel
BINS, TOP = 60, 0.3  # of the histogram of answers, from 0 to TOP


def ridges(image: NDArray[np.uint8]) -> Floats:
    """Return the answer of a ridge filter to dark lines, (H, W), 0 where it is none.

    ``max over s of s^2 max(l(s), 0) / (G_s * I)``, l the greater eigenvalue of the Hessian of ``G_s * I``: a
    share of the brightness, so that exposure does not enter. A dark line with a Gaussian profile of standard
    deviation w and small relative depth d answers with ``d w s^2 / (w^2 + s^2)^1.5``, most at s = sqrt(2) w.

    Source: T. Lindeberg, "Edge detection and ridge detection with automatic scale selection", 1998, with the
    normalisation gamma = 1.
    """
    margin = int(4 * max(SCALES))
    framed = np.pad(image.astype(np.float32), margin, mode="edge")
    blurred = gaussians(framed, [(s, s) for s in SCALES])[:, margin - 1 : 1 - margin, margin - 1 : 1 - margin]
    answers = [
        s * s * bent(b.astype(np.float64)) / np.maximum(b[1:-1, 1:-1], 1.0)
        for s, b in zip(SCALES, blurred, strict=True)
    ]
    return np.asarray(np.maximum(np.maximum.reduce(answers), 0.0))


def bent(smooth: Floats) -> Floats:
    """Return the greater eigenvalue of the Hessian of (H + 2, W + 2) at its (H, W) inner points."""
    inner = smooth[1:-1, 1:-1]
    down = smooth[2:, 1:-1] - 2 * inner + smooth[:-2, 1:-1]
    along = smooth[1:-1, 2:] - 2 * inner + smooth[1:-1, :-2]
    both = (smooth[2:, 2:] - smooth[2:, :-2] - smooth[:-2, 2:] + smooth[:-2, :-2]) / 4
    return (down + along) / 2 + np.hypot((down - along) / 2, both)


def histogram(answers: Floats) -> Floats:
    """Return the shares of answers between 0 and TOP, (BINS,); greater ones count in the last bin."""
    at = np.minimum((answers * (BINS / TOP)).astype(int), BINS - 1)
    return np.bincount(at, minlength=BINS) / max(len(at), 1)


def told_apart(chosen: Floats, others: Floats) -> float:
    """Return the chance that one of the ``chosen`` exceeds one of the ``others``, ties counting half.

    Args:
        chosen, others: (n,) and (m,). NaN where either is empty.

    Source: H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is stochastically
    larger than the other", 1947: the statistic U over n m, the area under the ROC curve.
    """
    if not len(chosen) or not len(others):
        return float("nan")
    _, where, counts = np.unique(np.concatenate([chosen, others]), return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = ranks[where[: len(chosen)]].sum() - len(chosen) * (len(chosen) + 1) / 2
    return float(above / (len(chosen) * len(others)))
