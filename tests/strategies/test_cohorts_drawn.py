"""Cohorts that are drawn: even, seeded, in the order of names, at the cost of who is drawn."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from isofed.strategies.arrivals import Flight, everybody, some


def names(count: int) -> list[str]:
    return [f"s{number:02}" for number in range(count)]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 40), st.integers(0, 10**6), st.integers(0, 9))
def test_what_holds_of_every_cohort(data: Any, count: int, step: int, seed: int) -> None:
    size = data.draw(st.integers(1, count))
    drawn = some(names(count), step, size, seed)
    asked = list(drawn.began)
    assert len(asked) == size and asked == sorted(asked) and set(asked) <= set(names(count))
    assert set(drawn.began.values()) == {step} and drawn.flight == Flight()
    assert drawn == some(names(count), step, size, seed)
    if size == count:
        assert drawn == everybody(names(count), step)


@settings(max_examples=20, deadline=None)
@given(st.data(), st.integers(2, 12), st.integers(0, 10**6))
def test_every_site_is_asked_equally_often(data: Any, count: int, seed: int) -> None:
    size, rounds = data.draw(st.integers(1, count - 1)), 1500
    asked = Counter(site for step in range(rounds) for site in some(names(count), step, size, seed).began)
    times = [asked[site] for site in names(count)]
    # without replacement a site's count varies less than a multinomial's, by (N - K) / (N - 1)
    spread = (count - size) / (count - 1)
    even = rounds * size / count
    assert chisquare([even + (n - even) / spread**0.5 for n in times]).pvalue > 1e-7


def test_every_set_of_sites_is_as_likely() -> None:
    drawn = Counter(tuple(some(names(5), step, 3, 7).began) for step in range(4000))
    assert chisquare([drawn[each] for each in combinations(names(5), 3)]).pvalue > 1e-4


def test_rounds_and_seeds_draw_anew() -> None:
    cohorts = {tuple(some(names(30), step, 5, seed).began) for step in range(5) for seed in range(5)}
    assert len(cohorts) == 25


class Counted(Sequence[str]):
    """A million names, each made when it is asked for; walking through them fails."""

    looked = 0

    def __len__(self) -> int:
        return 10**6

    def __getitem__(self, place: Any) -> Any:
        Counted.looked += 1
        return f"s{place:07}"

    def __iter__(self) -> Any:
        raise AssertionError("all sites were walked through")


def test_a_draw_looks_at_nobody_else() -> None:
    drawn = some(Counted(), 3, 100, 0)
    assert len(drawn.began) == 100 == Counted.looked
    assert max(drawn.began) > "s0900000" and min(drawn.began) < "s0100000"
