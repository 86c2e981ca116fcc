import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.protocols.step import Use
from isofed.protocols.steps.gaussian import gaussian
from isofed.seeds import Secrets


def use(round: int = 1, attempt: int = 1, bound: float = 0.5) -> Use:
    return Use(round, attempt, Secrets(bytes(32)), bound)


def noise(of: Use, z: float = 2.0, size: int = 20_000) -> np.ndarray:
    step = gaussian(z)
    assert step.total
    return step.total(np.full(size, 7.0), of) - 7.0


def test_the_variance_on_the_sum_is_the_square_of_z_times_c() -> None:
    size = 20_000
    squares = float((noise(use(), size=size) ** 2).sum()) / (2.0 * 0.5) ** 2
    # chi-square with so many degrees of freedom: five standard deviations around its mean
    assert abs(squares - size) < 5 * math.sqrt(2 * size)


def test_an_attempt_has_the_same_noise_and_the_next_one_other() -> None:
    assert np.array_equal(noise(use()), noise(use()))
    for other in (use(attempt=2), use(round=2)):
        assert abs(np.corrcoef(noise(use()), noise(other))[0, 1]) < 0.05


def test_another_sum_in_the_same_attempt_has_other_noise() -> None:
    step = gaussian(2.0)
    assert step.total
    one, other = np.zeros(20_000), np.zeros(20_000)
    other[5] = 1e-9  # as where a site is heard again, but not quite the same
    first, second = step.total(one, use()), step.total(other, use()) - other
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_noise_grows_with_z_and_c(z: float, c: float) -> None:
    unit = noise(use(bound=1.0), 1.0, 50)
    np.testing.assert_allclose(noise(use(bound=c), z, 50), z * c * unit, rtol=1e-6, atol=1e-6)


def test_the_server_holds_every_update_to_c() -> None:
    step = gaussian(1.0)
    assert step.server
    assert np.linalg.norm(step.server(np.full(9, 3.0, np.float32), use())) <= 0.5
    assert np.array_equal(step.server(np.full(9, 0.1), use()), np.full(9, 0.1))


@pytest.mark.parametrize("z", [0.0, -1.0, math.nan])
def test_a_multiplier_out_of_range_is_refused(z: float) -> None:
    with pytest.raises(ConfigError, match="'noise' is"):
        gaussian(z)
