"""Verification numbers from all scores, held at once.

Scores: a larger one is more alike; a comparison is accepted if its score >= t. With genuine scores g of
G comparisons of one finger and impostor scores i of I comparisons of two::

    FAR(t) = |{i >= t}| / I        FRR(t) = |{g < t}| / G

For more scores than fit into memory, and for sums over sites, see tasks/vein/benchmarks/tally.py.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isofed.errors import DataError

Floats = NDArray[np.float64]
FARS = (0.01, 0.001, 0.0001)  # at which TAR is reported
ENOUGH = 10  # impostor comparisons expected to be accepted, below which a FAR is not told


@dataclass(frozen=True)
class Rates:
    """Error rates at K rising thresholds.

    Attributes:
        thresholds: (K,) every distinct score, or the edges of a histogram's bins.
        far, frr: (K,) shares from 0 to 1, FAR falling and FRR rising: the DET curve's points.
    """

    thresholds: Floats
    far: Floats
    frr: Floats


@dataclass(frozen=True)
class Acceptance:
    """Genuine comparisons accepted where impostors seldom are.

    Attributes:
        tar: share of genuine scores above the threshold, 0 to 1.
        threshold: t*, the highest impostor score that is not accepted.
        reported: whether there are 10 / FAR impostor comparisons, without which the number says little.
    """

    tar: float
    threshold: float
    reported: bool


def rates(genuine: ArrayLike, impostor: ArrayLike) -> Rates:
    """Return FAR and FRR at every distinct score: the points of the DET curve.

    Raises:
        DataError: a list is empty or holds NaN or infinity.

    Example:
        >>> rates([0.9], [0.1]).far.tolist()
        [1.0, 0.0]
    """
    accepted, refused = _lists(genuine, impostor)
    thresholds = np.unique(np.concatenate([accepted, refused]))
    far = 1 - np.searchsorted(refused, thresholds) / len(refused)
    return Rates(thresholds, far, np.searchsorted(accepted, thresholds) / len(accepted))


def eer(genuine: ArrayLike, impostor: ArrayLike) -> float:
    """Return the equal error rate, (FAR + FRR) / 2 at the score where |FAR - FRR| is least.

    The first such score counts; nothing is interpolated.

    Raises:
        DataError: as :func:`rates`.
    """
    accepted, refused = _lists(genuine, impostor)
    found = rates(accepted, refused)
    # whole numbers, so that no rounding breaks a tie
    wrong = np.rint(found.far * len(refused)).astype(np.int64) * len(accepted)
    missed = np.rint(found.frr * len(accepted)).astype(np.int64) * len(refused)
    at = int(np.argmin(np.abs(wrong - missed)))
    return float(wrong[at] + missed[at]) / (2 * len(accepted) * len(refused))


def tar(genuine: ArrayLike, impostor: ArrayLike, far: float) -> Acceptance:
    """Return the share of genuine scores strictly above t*, the (k + 1)-th impostor, k = floor(far I).

    Args:
        far: the share of impostors that may be accepted, above 0 and below 1; it is never exceeded.

    Raises:
        DataError: as :func:`rates`.
    """
    accepted, refused = _lists(genuine, impostor)
    threshold = refused[len(refused) - 1 - allowed(far, len(refused))]
    above = len(accepted) - np.searchsorted(accepted, threshold, side="right")
    return Acceptance(float(above / len(accepted)), float(threshold), enough(far, len(refused)))


def d_prime(genuine: ArrayLike, impostor: ArrayLike) -> float:
    """Return d' = |mean g - mean i| / sqrt((var g + var i) / 2), variances over all; 0 over 0 is 0.

    Raises:
        DataError: as :func:`rates`.
    """
    return separation(*((float(s.mean()), float(s.var())) for s in _lists(genuine, impostor)))


def separation(genuine: tuple[float, float], impostor: tuple[float, float]) -> float:
    """Return d' of two (mean, variance); infinite where both stand still at different scores."""
    apart = abs(genuine[0] - impostor[0])
    spread = float(np.sqrt((genuine[1] + impostor[1]) / 2))
    return apart / spread if spread else (float("inf") if apart else 0.0)


def allowed(far: float, impostors: int) -> int:
    """Return k = floor(far I); a product that only rounding keeps from being whole counts as whole."""
    return int(np.floor(far * impostors + 1e-9))


def enough(far: float, impostors: int) -> bool:
    """Return whether there are 10 / far impostor comparisons."""
    return impostors * far >= ENOUGH - 1e-9


def _lists(genuine: ArrayLike, impostor: ArrayLike) -> tuple[Floats, Floats]:
    both = np.sort(np.asarray(genuine, np.float64)), np.sort(np.asarray(impostor, np.float64))
    for kind, scores in zip(("genuine", "impostor"), both, strict=True):
        if not scores.size or not np.isfinite(scores).all():
            raise DataError(
                f"{scores.size} {kind} scores, {int(np.isfinite(scores).sum())} of them finite; expected at "
                "least one and no NaN: use fingers with two images each, and a model that has not diverged"
            )
    return both
