"""Virtual time: whose reports make a step, beside a slow simulation written out from the paper's words."""

import heapq
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.errors import CompositionError, ConfigError
from isofed.seeds import public
from isofed.strategies.arrivals import LAWS, Arrivals, Cohort, Flight, arrivals, everybody
from isofed.strategies.named import STRATEGIES
from isofed.strategies.named.asynchronous import fedbuff
from isofed.strategies.optimisers import buffered, sgd

Duration = Callable[[int, int, str], float]


def names(count: int) -> list[str]:
    return [f"s{number:02}" for number in range(count)]


def played(made: Arrivals, sites: list[str], steps: int, seed: int = 0) -> list[Cohort]:
    flight, found = Flight(), []
    for step in range(steps):
        found.append(made.next(flight, step, sites, seed))
        flight = found[-1].flight
    return found


def slow(size: int, many: int, duration: Duration, sites: list[str], steps: int) -> list[Any]:
    """One event after another: (site to the step it began after, clock) of every server step."""
    clock, step, order, training, buffer, found = 0.0, 0, 0, list[Any](), dict[str, int](), list[Any]()
    draw = public(0, 1, "", "arrivals")
    while step < steps:
        busy = {site for *_, site in training} | set(buffer)
        if len(training) < many and len(busy) < len(sites):
            site = sites[int(draw.integers(len(sites)))]
            if site not in busy:
                heapq.heappush(training, (clock + duration(0, step, site), order, step, site))
                order += 1
            continue
        clock, _, began, site = heapq.heappop(training)
        buffer[site] = began
        if len(buffer) == size:
            found.append((dict(buffer), clock))
            step, buffer = step + 1, {}
            draw = public(0, step + 1, "", "arrivals")
    return found


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 7), st.integers(1, 8))
def test_steps_are_those_of_a_slow_simulation(data: Any, count: int, steps: int) -> None:
    size = data.draw(st.integers(1, count))
    many = data.draw(st.integers(size, count + 2))
    # few different durations, so that many reports arrive at one time
    table = data.draw(st.lists(st.integers(1, 4), min_size=count * steps, max_size=count * steps))
    duration = lambda seed, step, site: float(table[step * count + int(site[1:])])  # noqa: E731
    found = played(Arrivals("", size, many, duration), names(count), steps)
    wanted = slow(size, many, duration, names(count), steps)
    assert [(dict(cohort.began), cohort.flight.clock) for cohort in found] == wanted


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 9), st.integers(0, 9), st.sampled_from(sorted(LAWS)), st.floats(0, 2), st.integers(0, 9)
)
def test_what_holds_of_every_step(size: int, more: int, law: str, spread: float, seed: int) -> None:
    sites, many = names(9), size + more
    before = Flight()
    for step, cohort in enumerate(played(arrivals(size, many, law, spread), sites, 8, seed)):
        assert len(cohort.began) == size and list(cohort.began) == sorted(cohort.began)
        assert all(0 <= began <= step for began in cohort.began.values())
        training = [each.site for each in cohort.flight.running]
        assert len(set(training)) == len(training) < many and not set(training) & set(cohort.began)
        assert cohort.flight.clock >= before.clock
        assert all(each.until >= cohort.flight.clock for each in cohort.flight.running)
        before = cohort.flight


@pytest.mark.parametrize("law", LAWS)
def test_who_waits_for_all_has_everybody_on_time(law: str) -> None:
    sites = names(5)
    for step, cohort in enumerate(played(arrivals(5, 5, law, 1.0), sites, 4)):
        assert cohort.began == everybody(sites, step).began and cohort.flight.running == ()


def test_steps_repeat_and_depend_on_the_seed_and_go_on_from_a_flight() -> None:
    made, sites = arrivals(2, 4, spread=0.5), names(6)
    one, same, other = (played(made, sites, 6, seed) for seed in (0, 0, 1))
    assert one == same and one != other
    assert made.next(one[3].flight, 4, sites, 0) == one[4]


def test_a_slow_site_is_late_and_seldom() -> None:
    duration = lambda seed, step, site: 10.0 if site == "s00" else 1.0  # noqa: E731
    found = played(Arrivals("", 2, 4, duration), names(4), 12)
    late = [step - cohort.began["s00"] for step, cohort in enumerate(found) if "s00" in cohort.began]
    assert len(late) in (1, 2) and min(late) > 5
    assert sum("s01" in cohort.began for cohort in found) > 5


@pytest.mark.parametrize("law", LAWS)
def test_durations_have_a_mean_of_one(law: str) -> None:
    made = arrivals(1, 1, law)
    drawn = np.array([made.duration(0, step, "a") for step in range(2000)])
    assert drawn.mean() == pytest.approx(1.0, abs=0.06)
    assert (drawn.std() == 0) == (law == "constant")


def test_sites_differ_in_pace_and_keep_it() -> None:
    made = arrivals(1, 1, "constant", spread=1.0)
    paces = {site: {made.duration(0, step, site) for step in range(3)} for site in names(4)}
    assert (
        all(len(own) == 1 for own in paces.values()) and len({p for own in paces.values() for p in own}) == 4
    )


def test_a_step_costs_what_its_cohort_costs() -> None:
    class Counted(list[str]):
        looked = 0

        def __getitem__(self, key: Any) -> Any:
            Counted.looked += 1
            return super().__getitem__(key)

        def __iter__(self) -> Any:
            raise AssertionError("all sites were walked through")

    many = Counted(f"s{number}" for number in range(10**6))
    found = played(arrivals(3, 8), many, 5)
    assert Counted.looked < 60 and sum(len(cohort.began) for cohort in found) == 15


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(CompositionError) as error:
        arrivals(3, 2)
    assert str(error.value) == (
        "a server step waits for 3 sites, but only 2 train at a time; set concurrency to at least 3"
    )
    for bad in ({"size": 0}, {"spread": -1.0}, {"durations": "half_norml"}):
        with pytest.raises(ConfigError):
            fedbuff(**bad)  # type: ignore[arg-type]
    made = arrivals(3, 4)
    with pytest.raises(CompositionError) as error:
        made.of(2)
    assert str(error.value) == ("a server step waits for 3 sites, but there are 2; set size to at most 2")
    assert (made.of(1), made.of(3), made.of(9)) == (1, 3, 3)


@pytest.mark.parametrize("name, channel", [("scaffold", "control"), ("dppt", "centres"), ("cgpr", "centres")])
def test_a_channel_that_moves_on_is_refused(name: str, channel: str) -> None:
    with pytest.raises(
        CompositionError, match=f"keeps channel '{channel}' at the server, where it has moved"
    ):
        replace(STRATEGIES[name](), server=buffered(sgd(), arrivals(1, 2)))


def test_the_call_names_every_choice() -> None:
    server = buffered(sgd(0.5), arrivals(2, 3, "constant", 0.25))
    assert server.call == (
        "buffered(sgd(lr=0.5, momentum=0.0), "
        "arrivals(size=2, concurrency=3, durations='constant', spread=0.25))"
    )
