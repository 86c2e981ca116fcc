import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed.errors import ConfigError
from isofed.protocols.joint import towards_zero
from isofed.protocols.steps.clip import clip, shortened

ENTRY = st.floats(-1e150, 1e150)
UPDATE = hnp.arrays(np.float64, st.integers(0, 20), elements=ENTRY)
NORM = st.floats(1e-6, 1e6)


def exact(update: np.ndarray) -> float:
    """Return the norm, its sum of squares without rounding."""
    largest = float(np.abs(update).max(initial=0.0)) or 1.0
    return largest * math.sqrt(math.fsum((float(x) / largest) ** 2 for x in update))


@given(UPDATE, NORM)
def test_nothing_leaves_above_the_norm(update: np.ndarray, norm: float) -> None:
    assert exact(shortened(update, norm)) <= norm


@given(UPDATE, NORM)
def test_single_precision_stays_under_the_norm_too(update: np.ndarray, norm: float) -> None:
    assert exact(towards_zero(shortened(update, norm), "float32").astype(np.float64)) <= norm


@given(UPDATE, NORM)
def test_it_is_the_papers_equation(update: np.ndarray, norm: float) -> None:
    length = exact(update)
    wanted = update * min(1.0, norm / length) if length else update
    np.testing.assert_allclose(shortened(update, norm), wanted, rtol=1e-9, atol=1e-300)


@given(UPDATE)
def test_what_is_short_enough_stays_as_it_is(update: np.ndarray) -> None:
    assert np.array_equal(shortened(update, 1e152), update)


def test_zero_stays_zero() -> None:
    assert not shortened(np.zeros(5), 1e-9).any()
    assert len(shortened(np.zeros(0), 1.0)) == 0


def test_the_step_says_what_it_bounds() -> None:
    step = clip(2.5)
    assert (step.call, step.bounds, step.takes, step.gives) == ("clip(norm=2.5)", 2.5, "reals", "reals")


@pytest.mark.parametrize("norm", [0.0, -1.0, math.inf, math.nan])
def test_a_norm_out_of_range_is_refused(norm: float) -> None:
    with pytest.raises(ConfigError, match="'norm' is"):
        clip(norm)
