"""How private a mechanism can at most be, from what an attacker told apart: a lower bound on ε."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from isofed.errors import ConfigError

QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 1.0)  # of the scores, where thresholds are tried


@dataclass(frozen=True)
class Attack:
    """Says that a canary was there, or that it was not, where a score lies above a threshold.

    Args:
        score: which of several.
        there: whether a high score speaks for it; else a low one speaks against it.
        threshold: of the score, or of what is its negative where ``there`` is false.
    """

    score: int
    there: bool
    threshold: float

    def rates(self, present: np.ndarray, absent: np.ndarray) -> tuple[int, int, int]:
        """Return how often it said so rightly, how often wrongly, of how many trials each."""
        one, other = (present, absent) if self.there else (-absent, -present)
        right, wrong = (int((each[:, self.score] > self.threshold).sum()) for each in (one, other))
        return right, wrong, len(one)


def lower_bound(
    present: np.ndarray, absent: np.ndarray, delta: float, confidence: float = 0.95
) -> tuple[float, Attack]:
    """Return a lower bound on ε, and the attack that gave it.

    A mechanism is (ε, δ)-differentially private only if each attack has TPR <= e^ε FPR + δ, so that

        ε >= ln((p - δ) / f),

    p the lower bound of the true positives' rate and f the upper one of the false positives', each of
    Clopper and Pearson at 1 - (1 - confidence) / 2, so that both hold at once. Score, direction and
    threshold are those of the greatest bound on the first half of the trials; the bound that is returned is
    of the second half, which they do not know.

    Args:
        present: (n, k), k scores of each of n trials with the canary, in no order that tells of anything.
        absent: (n, k), without it.
        delta: δ, at least 0 and below 1.
        confidence: above 0 and below 1.

    Returns:
        ε, minus infinity where nothing was told apart.

    Raises:
        ConfigError: fewer than two trials, or other numbers of scores or trials on the two sides.

    Source: Jagielski, Ullman, Oprea, Auditing Differentially Private Machine Learning, 2020, section 4, with
    δ and white-box canaries as in Nasr et al., Adversary Instantiation, 2021, section 3. Differs from them
    in: thresholds are chosen on trials of their own.
    """
    if present.shape != absent.shape or present.ndim != 2 or len(present) < 2:
        raise ConfigError(
            f"an audit got scores of the shapes {present.shape} and {absent.shape}; give as many trials with "
            "the canary as without it, at least two, each with the same scores"
        )
    half = len(present) // 2
    first, second = (present[:half], absent[:half]), (present[half:], absent[half:])

    def of(attack: Attack, trials: tuple[np.ndarray, np.ndarray]) -> float:
        right, wrong, many = attack.rates(*trials)
        return bound(right, wrong, many, delta, confidence)

    chosen = max(_attacks(*first), key=lambda attack: of(attack, first))
    return of(chosen, second), chosen


def bound(right: int, wrong: int, trials: int, delta: float, confidence: float = 0.95) -> float:
    """Return ln((p - δ) / f) of counts, see :func:`lower_bound`; minus infinity where p is not above δ.

    Args:
        right, wrong: true and false positives, each of ``trials``.
        trials: at least 1.
        delta, confidence: as there.

    Example:
        >>> round(bound(500, 0, 500, 0.0), 2)  # ln(500 / 3.7) less a little
        4.9
    """
    risk = (1.0 - confidence) / 2
    caught = clopper_pearson(right, trials, risk)[0] - delta
    return math.log(caught / clopper_pearson(wrong, trials, risk)[1]) if caught > 0 else -math.inf


def clopper_pearson(count: int, trials: int, risk: float) -> tuple[float, float]:
    """Return the bounds of a chance from below and from above, each wrong with a chance of at most ``risk``.

    Args:
        count: of successes, 0 to ``trials``.
        trials: independent ones, at least 1.
        risk: above 0 and below 1.

    Source: Clopper and Pearson, The Use of Confidence or Fiducial Limits Illustrated in the Case of the
    Binomial, 1934.
    """
    from scipy.stats import beta

    low = beta.ppf(risk, count, trials - count + 1) if count else 0.0
    high = beta.ppf(1.0 - risk, count + 1, trials - count) if count < trials else 1.0
    return float(low), float(high)


def _attacks(present: np.ndarray, absent: np.ndarray) -> Iterator[Attack]:
    for score in range(present.shape[1]):
        for there, wrong in ((True, absent), (False, -present)):
            for threshold in np.quantile(wrong[:, score], QUANTILES):
                yield Attack(score, there, float(threshold))
