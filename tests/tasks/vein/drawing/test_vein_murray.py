import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.vein.drawing.murray import branches, divide


def test_check_03_a_symmetric_division() -> None:
    d1 = 8 * 2 ** (-1 / 3)
    d2, t1, t2 = branches(8, d1)
    assert (d1, d2) == pytest.approx((6.3496, 6.3496), abs=1e-4)
    assert [math.degrees(t) for t in (t1, t2)] == pytest.approx([37.467, 37.467], abs=1e-3)


def test_check_03_the_thicker_branch_turns_less() -> None:
    d2, t1, t2 = branches(8, 7)
    assert (d2, d2 / 7) == pytest.approx((5.5288, 0.78982), abs=1e-4)
    assert [math.degrees(t) for t in (t1, t2)] == pytest.approx([27.514, 47.777], abs=1e-3)


@given(st.floats(1, 20), st.floats(0.2, 0.99))
def test_check_03_cubes_add_up(d0: float, share: float) -> None:
    d2, _, _ = branches(d0, share * d0)
    assert d2**3 + (share * d0) ** 3 == pytest.approx(d0**3, rel=1e-9)


@given(st.integers(0, 1000))
def test_a_drawn_division_keeps_the_cubes_and_the_order(seed: int) -> None:
    d1, d2, t1, t2 = divide(9.0, np.random.default_rng(seed))
    assert d1**3 + d2**3 == pytest.approx(9.0**3, rel=1e-9)
    assert d1 >= d2 > 0
    assert 0 <= t1 <= t2 < math.pi / 2
