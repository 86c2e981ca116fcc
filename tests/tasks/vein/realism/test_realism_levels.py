"""Grey levels beside numpy's own, moved mass beside a shift, grain beside drawn noise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from isofed.tasks.vein.realism.levels import grain, levels, moved_by


def test_levels_are_those_of_the_region_alone() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (20, 30), dtype=np.uint8)
    region = rng.random((20, 30)) > 0.5
    found = levels(image, region)
    assert found.mean == pytest.approx(image[region].mean())
    assert found.std == pytest.approx(image[region].std())
    assert found.histogram.sum() == pytest.approx(1)
    assert found.histogram[image[region][0]] == pytest.approx((image[region] == image[region][0]).mean())
    empty = levels(image, np.zeros_like(region))
    assert np.isnan([empty.mean, empty.std]).all() and not empty.histogram.any()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_moved_mass_is_the_wasserstein_distance(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    shares = [np.bincount(values, minlength=10) / len(pairs) for values in (one, other)]
    assert moved_by(*shares) == pytest.approx(wasserstein_distance(one, other))


def test_grain_is_what_noise_was_added() -> None:
    rng = np.random.default_rng(1)
    ramp = np.linspace(60, 160, 300)[None, :] + np.zeros((200, 1))
    noisy = np.rint(ramp + rng.normal(0, 4, ramp.shape)).astype(np.uint8)
    everywhere = np.ones(ramp.shape, bool)
    # rounding adds the variance 1/12
    assert grain(noisy, everywhere) == pytest.approx(0.945 * np.hypot(4, 12**-0.5), rel=0.01)
    assert grain(np.full((50, 50), 90, np.uint8), np.ones((50, 50), bool)) == pytest.approx(0, abs=1e-3)
    assert np.isnan(grain(noisy, ~everywhere))


def test_grain_looks_at_the_region_alone() -> None:
    image = np.full((60, 60), 90, np.uint8)
    image[:30] += np.random.default_rng(2).integers(0, 20, (30, 60), dtype=np.uint8)
    below = np.zeros((60, 60), bool)
    below[40:] = True
    assert grain(image, below) == pytest.approx(0, abs=0.05)
    assert grain(image, ~below) > 3
