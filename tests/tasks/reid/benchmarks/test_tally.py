import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import array

from isofed.errors import DataError
from isofed.tasks.reid.benchmarks.tally import EMPTY, MAX_RANK, QUANTUM, Statistics, from_scalars, tally


@st.composite
def sums(draw):
    counts = sorted(draw(st.lists(st.integers(0, 4000), min_size=MAX_RANK + 1, max_size=MAX_RANK + 1)))
    units = st.integers(0, int(counts[-1] / QUANTUM))
    return Statistics(counts[-1], draw(units) * QUANTUM, draw(units) * QUANTUM, tuple(counts[:-1]))


@given(sums(), sums(), sums())
def test_addition_is_associative_and_commutative_to_the_last_bit(a, b, c):
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a
    assert a + EMPTY == a


@given(sums())
def test_scalars_come_back(statistics):
    scalars = statistics.to_scalars()
    assert from_scalars(scalars) == statistics
    assert all(type(value) is float for value in scalars.values())


def test_averages_are_over_queries():
    found = tally(array([1.0, 0.5]), array([1.0, 0.25]), array([0, 4]))
    assert found.result() == {"R1": 0.5, "R5": 1.0, "R10": 1.0, "R20": 1.0, "mAP": 0.75, "mINP": 0.625}
    assert found.cmc(4) == 0.5


def test_nothing_to_average_is_refused():
    with pytest.raises(DataError, match="no query has a correct gallery image"):
        EMPTY.result()


def changed(**values):
    return Statistics(2, 1.5, 1.0, (1,) * MAX_RANK).to_scalars() | values


BAD = [
    changed(more=1.0),
    {"queries": 1.0},
    changed(queries=0.5),
    changed(queries=0.0),
    changed(ap=2.5),
    changed(inp=float("nan")),
    changed(hits01=2.0),
    changed(hits20=1.5),
    changed(hits01=-1.0),
    changed(queries=float("inf")),
]


@pytest.mark.parametrize("scalars", BAD)
def test_numbers_that_no_queries_give_are_refused(scalars):
    with pytest.raises(DataError, match="retrieval statistics"):
        from_scalars(scalars)
