"""Work in ranges: the same ones whatever the cores, and what is raised in a thread is raised here."""

import numpy as np
import pytest

from isofed import ranges
from isofed.ranges import finite, in_ranges

SIZES = [0, 1, 7, 8, 9, 1000]


@pytest.fixture(params=[1, 2, 5], ids="{} cores".format)
def _cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "LARGE", 2)
    monkeypatch.setattr(ranges, "cores", lambda: request.param)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("size", SIZES)
def test_every_entry_is_in_one_range_in_order(size: int) -> None:
    parts = in_ranges(size, lambda part: part, 2)
    assert [n for part in parts for n in range(size)[part]] == list(range(size))
    assert len(parts) <= ranges.RANGES


@pytest.mark.usefixtures("_cores")
def test_what_is_raised_in_a_range_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        in_ranges(100, lambda part: 1 // (part.start - 13), 2)


@pytest.mark.usefixtures("_cores")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_none_is_found_wherever_it_is(size: int, bad: float) -> None:
    array = np.full(size, 3e38, np.float32)  # finite, though their sum is not
    assert finite(array)
    for at in range(0, size, max(size // 9, 1)):
        array[at] = bad
        assert not finite(array)
        array[at] = 3e38
