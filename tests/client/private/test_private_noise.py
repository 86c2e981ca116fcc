"""The noise of a step is normal, of the variance that was asked for, and in no two uses the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from isofed.client.private.noise import BLOCK, normals

COUNT = 400_000


def test_it_is_standard_normal() -> None:
    found = normals(bytes(32), COUNT).numpy()
    assert stats.kstest(found, "norm").pvalue > 1e-6
    # a chi-square interval at 1e-6 on either side: the variance is within 1.1 % of one
    low, high = stats.chi2.ppf([1e-6, 1 - 1e-6], COUNT) / COUNT
    assert low < np.square(found).mean() < high and high - low < 0.025
    assert abs(found.mean()) < 5 / COUNT**0.5


@pytest.mark.parametrize("lag", [1, 2, BLOCK // 2, BLOCK])
def test_numbers_do_not_depend_on_each_other(lag: int) -> None:
    found = normals(bytes(32), COUNT).numpy()
    one, other = found[:-lag], found[lag:]
    for a, b in ((one, other), (one**2, other**2)):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / len(one) ** 0.5


@given(st.integers(0, 3 * BLOCK), st.binary(min_size=32, max_size=32))
def test_a_key_gives_its_numbers_and_no_others(count: int, key: bytes) -> None:
    found = normals(key, count)
    assert found.shape == (count,) and bool(found.isfinite().all())
    assert np.array_equal(found.numpy(), normals(key, count).numpy())
    if count > 2:
        assert not np.array_equal(found.numpy(), normals(bytes(a ^ 1 for a in key), count).numpy())
