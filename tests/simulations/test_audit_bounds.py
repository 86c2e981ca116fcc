"""The audit's bound on ε: right on mechanisms whose ε is known, and the chances beneath it are exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from isofed.errors import ConfigError
from isofed.simulations.audit import bound, clopper_pearson, lower_bound

RUNS, TRIALS = 60, 4000


@given(st.integers(0, 60), st.integers(1, 60), st.floats(1e-4, 0.4))
def test_no_chance_outside_explains_the_count(count: int, trials: int, risk: float) -> None:
    count = min(count, trials)
    low, high = clopper_pearson(count, trials, risk)
    assert 0.0 <= low <= count / trials <= high <= 1.0
    # at the bounds themselves, so many successes or more, or so few or fewer, have exactly this chance
    assert count == 0 or stats.binom.sf(count - 1, trials, low) == pytest.approx(risk, rel=1e-6)
    assert count == trials or stats.binom.cdf(count, trials, high) == pytest.approx(risk, rel=1e-6)


def _gaussians(shift: float, run: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([3, run])
    # a second score of nothing but noise, which must not mislead
    return tuple(
        np.stack([rng.normal(mean, 1.0, TRIALS), rng.normal(0.0, 1.0, TRIALS)], axis=1)
        for mean in (shift, 0.0)
    )  # type: ignore[return-value]


@pytest.mark.parametrize("shift", [0.5, 1.0])
def test_it_is_seldom_above_the_truth_and_not_far_below(shift: float) -> None:
    delta = 0.05
    # δ(ε) of two normal laws (Balle and Wang, 2018, theorem 8), turned round
    grid = np.linspace(0.0, 12.0, 24001)
    deltas = stats.norm.cdf(shift / 2 - grid / shift) - np.exp(grid) * stats.norm.cdf(
        -shift / 2 - grid / shift
    )
    truth = float(grid[np.argmax(deltas <= delta)])
    found = [lower_bound(*_gaussians(shift, run), delta)[0] for run in range(RUNS)]
    # at most 5 % by its own word: more than 10 of 60 would come in one of 3000 times
    assert sum(each > truth for each in found) <= 10
    assert float(np.median(found)) > truth - 0.75


def test_what_speaks_against_a_canary_counts_as_well() -> None:
    present, absent = _gaussians(0.0, 0)
    rare = np.random.default_rng(4).random((TRIALS, 1)) < 0.3
    # low scores never come with the canary, high ones tell nothing
    found, attack = lower_bound(present, np.where(rare, -9.0, absent), 0.0)
    assert found > 4.0 and not attack.there
    found, attack = lower_bound(np.where(rare, 9.0, present), absent, 0.0)
    assert found > 4.0 and attack.there


def test_a_score_of_noise_does_not_mislead() -> None:
    present, absent = _gaussians(2.0, 0)
    found, attack = lower_bound(present, absent, 0.0)
    assert found > 1.5 and attack.score == 0
    assert lower_bound(present[:, 1:], absent[:, 1:], 0.0)[0] < 0.2


def test_more_of_the_same_trials_say_more() -> None:
    assert bound(0, 0, 100, 0.01) == -math.inf
    assert bound(50, 5, 100, 0.01) < bound(500, 50, 1000, 0.01) < math.log(0.49 / 0.05)


def test_unlike_trials_are_refused() -> None:
    for present, absent in (((3, 2), (2, 2)), ((1, 2), (1, 2)), ((4,), (4,))):
        with pytest.raises(ConfigError, match="give as many trials"):
            lower_bound(np.zeros(present), np.zeros(absent), 0.1)
