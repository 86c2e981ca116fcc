"""A mean over seeds with its confidence interval."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

CONFIDENCE = 0.95
FORMULA = (
    "d ± t s / √n: d is the mean of the n differences of runs of the same seed, s their sample standard "
    "deviation, t the 97.5 % point of Student's distribution with n - 1 degrees of freedom"
)


@dataclass(frozen=True)
class Interval:
    """A mean over seeds.

    Attributes:
        mean: of ``each``.
        half: how far the interval of 95 % reaches to either side; None where there is one value.
        each: the values, seed by seed.
    """

    mean: float
    half: float | None
    each: tuple[float, ...]

    @property
    def low(self) -> float:
        """The interval's lower end; without an interval, minus infinity."""
        return float("-inf") if self.half is None else self.mean - self.half


def interval(values: Iterable[float]) -> Interval:
    """Return the mean of one value for each seed and its interval, that of a paired t-test on differences.

    d ± t_{0.975, n-1} s / √n with the sample standard deviation s.

    Args:
        values: d_1 to d_n, n >= 1: of a quantity, or differences of two runs of the same seed.

    Source: Student, "The probable error of a mean", Biometrika 1908.

    Example:
        >>> round(interval([1.0, 2.0, 3.0]).half, 4)
        2.4841
    """
    from scipy.stats import t

    each = tuple(values)
    if len(each) < 2:
        return Interval(fmean(each), None, each)
    point = float(t.ppf((1 + CONFIDENCE) / 2, len(each) - 1))
    return Interval(fmean(each), point * stdev(each) / sqrt(len(each)), each)


def paired(better: Iterable[float], base: Iterable[float]) -> Interval:
    """Return the interval of the differences ``better - base``, seed by seed."""
    return interval(a - b for a, b in zip(better, base, strict=True))
