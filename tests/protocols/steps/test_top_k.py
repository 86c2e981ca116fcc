import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed.errors import ConfigError
from isofed.protocols.steps.top_k import largest, top_k

# few values, so that many are alike
UPDATE = hnp.arrays(
    np.float64, st.integers(0, 30), elements=st.sampled_from([-3.0, -1.0, 0.0, 1.0, 2.5, 3.0])
)


@given(UPDATE, st.floats(1e-9, 1.0))
def test_it_is_a_stable_sort_cut_off(update: np.ndarray, fraction: float) -> None:
    kept = math.ceil(fraction * len(update))
    order = sorted(range(len(update)), key=lambda place: (-abs(update[place]), place))[:kept]
    wanted = np.zeros(len(update))
    wanted[order] = update[order]
    assert np.array_equal(largest(update, fraction), wanted)


def test_all_of_it_is_the_update_itself() -> None:
    update = np.array([0.0, -0.0, 5.0])
    assert largest(update, 1.0) is update


@pytest.mark.parametrize("fraction", [0.0, 1.5, math.nan])
def test_a_fraction_out_of_range_is_refused(fraction: float) -> None:
    with pytest.raises(ConfigError, match="'fraction' is"):
        top_k(fraction)
