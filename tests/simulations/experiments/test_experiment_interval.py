"""Intervals are those of a paired t-test, and cover as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from isofed.simulations.experiments.interval import interval, paired

numbers = st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=9)


@given(numbers)
def test_it_is_scipys(values: list[float]) -> None:
    found = interval(values)
    if np.std(values) < 1e-9:
        assert found.half == pytest.approx(0, abs=1e-6)
        return
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.mean) == pytest.approx((low, (low + high) / 2))


def test_a_worked_value() -> None:
    # t of 4 degrees of freedom is 2.776445, s is sqrt(2.5)
    found = interval([1, 2, 3, 4, 5])
    assert found.mean == 3
    assert found.half == pytest.approx(2.776445 * 2.5**0.5 / 5**0.5, rel=1e-6)


def test_one_seed_has_no_interval() -> None:
    found = interval([0.25])
    assert (found.mean, found.half, found.low) == (0.25, None, float("-inf"))


def test_differences_are_taken_seed_by_seed() -> None:
    assert paired([3, 4], [1, 1]) == interval([2, 3])
    with pytest.raises(ValueError, match="zip"):
        paired([1, 2], [1])


def test_it_covers_the_truth_nineteen_times_in_twenty() -> None:
    draws = np.random.default_rng(0).normal(0.3, 1.0, (2000, 5))
    covered = np.mean([abs(found.mean - 0.3) <= (found.half or 0) for found in map(interval, draws)])
    assert covered == pytest.approx(0.95, abs=0.015)
