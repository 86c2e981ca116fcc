"""Opacus's accountants as functions of steps: what is asked of them, and where they do not reach."""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from isofed.errors import ConfigError

WHOLE = (*(float(order) for order in range(2, 64)), *(2.0**k for k in range(6, 12)))
"""Whole α, at which Rényi's divergences of samples are sums and found at once."""
BETWEEN = (1.01, 1.02, 1.05, 1.1, 1.2, 1.35, 1.5, 1.75, 2.25, 2.5, 2.75, 3.5, 4.5, 5.5)
ORDERS = tuple(sorted((*BETWEEN, *WHOLE)))
"""α at which they are taken: wider than Opacus's own, whose best one often is the last, and not as dense."""
ERROR = 0.01  # by which PRV's ε is too large at most
POINTS = 2**23  # of PRV's grid, above which its ε may be less exact: 64 MiB an array


HOPELESS = 1e4  # an ε of which nobody asks how much it really is


class Step(NamedTuple):
    """``steps`` sums of units of norm 1 that each take part with chance ``rate``, and N(0, noise² I).

    Args:
        rate: q, above 0 to 1.
        noise: z, above 0.
        steps: at least 1.
    """

    rate: float
    noise: float
    steps: int


@lru_cache(maxsize=4096)
def renyi(steps: tuple[Step, ...], delta: float, orders: Sequence[float] = ORDERS) -> float:
    """Return the least ε over these orders.

    Source: Mironov, Talwar, Zhang, Rényi Differential Privacy of the Sampled Gaussian Mechanism, 2019, and
    Balle et al., Hypothesis Testing Interpretations and Renyi Differential Privacy, 2020, theorem 21.
    """
    analysis = _opacus().analysis.rdp
    total = sum(_curve(step.rate, step.noise, orders) * step.steps for step in steps)
    with _quiet():  # which order is best is not news
        found, _ = analysis.get_privacy_spent(orders=list(orders), rdp=total, delta=delta)
    return max(float(found), 0.0)


@lru_cache(maxsize=256)
def _curve(rate: float, noise: float, orders: Sequence[float]) -> np.ndarray:
    compute = _opacus().analysis.rdp.compute_rdp
    with _quiet():
        return np.asarray(compute(q=rate, noise_multiplier=noise, steps=1, orders=list(orders)), np.float64)


@lru_cache(maxsize=4096)
def composed(steps: tuple[Step, ...], delta: float) -> float:
    """Return PRV's upper bound on ε, or RDP's where that is the smaller one or PRV finds none.

    Source: Gopi, Lee, Wutschitz, Numerical Composition of Differential Privacy, 2021.
    """
    bound = renyi(steps, delta, WHOLE)
    if bound > HOPELESS:
        return bound
    made = _opacus().PRVAccountant()
    made.history = [(step.noise, step.rate, step.steps) for step in steps]
    # the grid reaches some times ε to both sides, at ε's error over the root of all steps
    many = sum(step.steps for step in steps) * math.log(12e3 / delta) / 2
    points = 4 * (bound + 1) * math.sqrt(many) / ERROR
    try:
        with _quiet():
            found = float(made.get_epsilon(delta, eps_error=ERROR * max(1.0, points / POINTS)))
    except (ArithmeticError, ValueError, RuntimeError):
        return bound
    return min(found, bound) if math.isfinite(found) else bound


@contextmanager
def _quiet() -> Iterator[None]:
    """Let the libraries divide by zero, as they do on their way, without a word."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _opacus() -> Any:
    try:
        from opacus import accountants
    except ImportError:
        raise ConfigError(
            "to account for differential privacy needs opacus, which is not installed; "
            "pip install 'isofed[dp]'"
        ) from None
    return accountants
