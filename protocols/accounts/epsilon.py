"""From what was spent to (ε, δ), and back to the noise that it takes, by accountants of a kept library."""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Protocol

from isofed.errors import ConfigError
from isofed.protocols.accounts.library import WHOLE, Step, composed, renyi
from isofed.suggest import pick

RDP, PRV = "rdp", "prv"
MOST_NOISE = 1e7
EXACT = 1.001  # a noise is found to a thousandth


class Spent(Protocol):
    """What a :class:`Step` is as well, such as :class:`isofed.protocols.local_privacy.Spend`."""

    @property
    def rate(self) -> float:
        """q, the chance of a unit to take part, to 1."""

    @property
    def noise(self) -> float:
        """z, in units of what one unit can move the sum by."""

    @property
    def steps(self) -> int:
        """How often."""


def epsilon(spends: Iterable[Spent], delta: float, accountant: str = PRV) -> float:
    """Return ε so that all of it together is (ε, δ)-differentially private; infinite without noise.

    Two data sets are neighbours if one has one unit more. What comes of earlier steps may decide what later
    ones do, but not their q and z.

    Args:
        spends: of different noise and rates, in any order.
        delta: δ, above 0 and below 1.
        accountant: ``rdp``, fast and never below the truth, or ``prv``, at most a hundredth above it where
            its grid reaches; where it does not, as for very little noise, RDP's.

    Source: see :mod:`isofed.protocols.accounts.library`.
    """
    pick("accountant", accountant, dict.fromkeys((RDP, PRV)))
    steps = gathered(spends)
    if not steps:
        return 0.0
    if any(step.noise <= 0.0 for step in steps):
        return math.inf
    return composed(steps, delta) if accountant == PRV else renyi(steps, delta)


def gathered(spends: Iterable[Spent]) -> tuple[Step, ...]:
    """Return equal steps counted together, without those that cost nothing."""
    found: dict[tuple[float, float], int] = {}
    for spent in spends:
        if spent.rate > 0.0 and spent.steps:
            kind = spent.rate, spent.noise
            found[kind] = found.get(kind, 0) + spent.steps
    return tuple(Step(rate, noise, steps) for (rate, noise), steps in sorted(found.items()))


def by_unit(spends: Iterable[tuple[str, Spent]], delta: float, accountant: str = PRV) -> Mapping[str, float]:
    """Return ε of each unit, such as image or identity, that something was spent of; units do not add up.

    Args:
        spends: each with its unit.
        delta, accountant: as in :func:`epsilon`.
    """
    units: dict[str, list[Spent]] = {}
    for unit, spent in spends:
        units.setdefault(unit, []).append(spent)
    return {unit: epsilon(each, delta, accountant) for unit, each in sorted(units.items())}


@lru_cache(maxsize=4096)
def noise_for(target: float, delta: float, rate: float, steps: int, accountant: str = PRV) -> float:
    """Return the least noise z, to a thousandth, with which ``steps`` at ``rate`` come to at most ε.

    Args:
        target: ε, above 0.
        delta: δ, above 0 and below 1.
        rate: q, above 0 to 1.
        steps: at least 1.
        accountant: as in :func:`epsilon`.

    Raises:
        ConfigError: no noise is enough, because ε is too small for an accountant to tell it from 0.
    """

    # RDP over whole orders never says less than the others, and says it at once: they only look below
    high = _least(lambda noise: renyi((Step(rate, noise, steps),), delta, WHOLE) <= target, 1.0)
    return _least(lambda noise: epsilon((Step(rate, noise, steps),), delta, accountant) <= target, high)


def _least(enough: Callable[[float], bool], guess: float) -> float:
    """Return the least number that is enough, and never a smaller one, from a first guess."""
    high = guess
    while not enough(high):
        high *= 2.0
        if high > MOST_NOISE:
            raise ConfigError(
                "no noise makes so many steps as private as that; allow a larger epsilon or delta"
            )
    low = high / 1.5
    while low > 1e-3 and enough(low):
        low, high = low / 1.5, low
    while high > EXACT * low:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
