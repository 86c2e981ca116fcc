"""The cost of a round in several processes or in one, and what is chosen for it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.simulations.ways import CLEARLY, MESSAGE, SPEED, Load, Way, choose, cost, lasting, named

SECONDS = st.floats(1e-6, 1e3)
LOADS = st.builds(Load, st.integers(1, 1000), st.integers(0, 1000), st.integers(0, 10**9))


def test_the_formula_term_by_term() -> None:
    load = Load(asked=7, beside=5, size=8_000_000)
    assert cost(Way(1, 1, 2.0), load) == (7 + 5) * 2.0
    assert cost(Way(2, 1, 2.0), load) == pytest.approx((4 + 5 / 2) * 2.0 + 7 * (MESSAGE + 8e6 / SPEED))
    assert cost(Way(2, 1), load) == math.inf


CASES: dict[str, tuple[Load, float, int]] = {
    "the main job": (Load(6, 6, 800_000), 0.8, 2),
    "fifty small models": (Load(50, 0, 270_000), 5e-3, 2),
    "large messages, hardly a step": (Load(10, 0, 100_000_000), 0.02, 1),
    "tiny messages, nothing to do": (Load(1000, 0, 1000), 1e-4, 1),
    "one site, for whom others rest": (Load(1, 0, 1000), 3e-4, 1),
    "one site, and a message that does not count": (Load(1, 0, 1000), 1.0, 2),
    "one site, but others alone": (Load(1, 6, 1000), 1e-3, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_chosen(case: str) -> None:
    load, seconds, workers = CASES[case]
    assert choose(Way(2, 1, seconds), Way(1, 1, seconds), load).workers == workers


def test_threads_are_chosen_where_they_are_faster() -> None:
    load = Load(8, 0, 100_000_000)
    assert choose(Way(2, 1, 4.0), Way(1, 2, 1.5), load) == Way(1, 2, 1.5)
    assert choose(Way(2, 1, 4.0), Way(1, 2, 2.5), load) == Way(2, 1, 4.0)


@given(SECONDS, SECONDS, LOADS)
def test_another_way_is_chosen_only_where_it_is_clearly_faster(one: float, two: float, load: Load) -> None:
    usual, other = Way(4, 1, one), Way(1, 4, two)
    found = choose(usual, other, load)
    assert (found is other) == (cost(other, load) < CLEARLY * cost(usual, load))


@given(SECONDS, LOADS)
def test_what_is_not_known_is_not_chosen(seconds: float, load: Load) -> None:
    usual, other = Way(2, 1), Way(1, 1)
    known = Way(2, 1, seconds), Way(1, 1, seconds)
    assert choose(usual, other, load) is usual
    assert choose(usual, known[1], load) is usual
    assert choose(known[0], other, load) is known[0]


def test_a_way_in_words() -> None:
    assert named(Way(2, 1)) == "2 workers of one thread"
    assert named(Way(1, 8)) == "one process of 8 threads"
    assert [lasting(seconds) for seconds in (61.26, 1.0, 0.0314, 0.00042)] == [
        "61.3 s",
        "1.0 s",
        "31 ms",
        "0.4 ms",
    ]
