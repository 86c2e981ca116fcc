"""What the sites' answers come to, and answers that do not come."""

from types import SimpleNamespace
from typing import Any

import pytest
from flwr.app import Error, Message, MetricRecord, RecordDict
from flwr.common.constant import ErrorCode
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import RoundError
from isofed.events import silent
from isofed.server.own import Absent, flat, gathered, nested, over_sites, statistics, together
from isofed.simulations.grid import identify

WORDS = st.text("abcXYZ019_-", min_size=1, max_size=4)
PER_CENT = st.integers(0, 100).map(lambda found: found / 100)
TREES: Any = st.recursive(
    st.floats(0, 1), lambda inner: st.dictionaries(WORDS, inner, min_size=1, max_size=4), max_leaves=12
)


def setting() -> Any:
    """A task that counts points, of which some are right."""
    own = SimpleNamespace(
        sums=lambda options: ("points", "right"),
        result=lambda sums: {"mean": {"own": sums["right"] / sums["points"]} if sums["points"] else {}},
    )
    return SimpleNamespace(task=SimpleNamespace(own=own), options=None)


def answer(**numbers: float) -> Message:
    """A site's answer."""
    identify()
    order = Message(RecordDict(), 2, "evaluate")
    return Message(RecordDict({"statistics": MetricRecord(numbers)}), reply_to=order)


def refusal(reason: str, code: int = 1) -> Message:
    identify()
    return Message(Error(code, reason), reply_to=Message(RecordDict(), 2, "evaluate"))


@given(st.dictionaries(WORDS, st.fixed_dictionaries({"a": PER_CENT, "b": PER_CENT}), min_size=1))
def test_mean_and_lowest_are_those_of_the_sites(sites: dict[str, dict[str, float]]) -> None:
    found = together(sites)
    for name in ("a", "b"):
        values = [measures[name] for measures in sites.values()]
        assert found["mean"][name] == pytest.approx(sum(values) / len(values))
        assert found["lowest"][name] == min(values)
        assert (found["spread"][name] == 0) == (len({*values}) == 1)
    assert found["sites"] == sites


def test_every_site_weighs_the_same_however_many_samples_it_held_out() -> None:
    sums = {"a": {"points": 2.0, "right": 1.0}, "b": {"points": 100.0, "right": 100.0}}
    own = over_sites(sums, setting())["own"]
    assert own["mean"] == {"own": 0.75} and own["lowest"] == {"own": 0.5}
    assert own["spread"]["own"] == pytest.approx(0.125**0.5)


def test_a_site_without_held_out_samples_is_left_out() -> None:
    empty = {"points": 0.0, "right": 0.0}
    own = over_sites({"a": empty, "b": {"points": 4.0, "right": 1.0}}, setting())["own"]
    assert own["sites"] == {"b": {"own": 0.25}} and own["mean"] == {"own": 0.25}
    assert over_sites({"a": empty}, setting()) == {}


@given(st.dictionaries(WORDS, TREES, min_size=1, max_size=4))
def test_results_survive_flowers_flat_records(results: dict[str, Any]) -> None:
    assert nested(MetricRecord(flat(results))) == results


def test_answers_are_gathered_by_site() -> None:
    replies = [("a", answer(points=3.0, right=1.0)), ("b", answer(points=2.0, right=2.0))]
    found = gathered(replies, setting(), 4, 2, silent)
    assert found == {"a": {"points": 3.0, "right": 1.0}, "b": {"points": 2.0, "right": 2.0}}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (None, "no answer in time"),
        (refusal("the disk is full"), "the disk is full"),
        (answer(points=1.0), "statistic 'right' is missing"),
        (answer(points=1.0, right=1.0, face=2.0), "statistic 'face' is in no contract"),
        (answer(points=float("nan"), right=1.0), "number 'points' is not a finite number"),
    ],
)
def test_a_site_that_gives_none_is_told_of(bad: Message | None, why: str) -> None:
    replies, told = [("a", answer(points=3.0, right=1.0)), ("b", bad)], list[Any]()
    found = gathered(replies, setting(), 4, 1, lambda name, **fields: told.append((name, fields)))
    assert set(found) == {"a"}
    ((name, fields),) = told
    assert name == "refused" and fields["site"] == "b" and fields["round"] == 4 and why in fields["reason"]
    with pytest.raises(RoundError, match="1 sites of the 2 that are needed have measured; b: "):
        gathered(replies, setting(), 4, 2, silent)


@pytest.mark.parametrize(
    ("bad", "away"),
    [
        (None, True),
        (refusal("not heard of for 61 s", ErrorCode.NODE_UNAVAILABLE), True),
        (refusal("the policy forbids it"), False),
        (answer(points=float("nan")), False),
    ],
)
def test_who_is_away_is_told_from_who_cannot_measure(bad: Message | None, away: bool) -> None:
    with pytest.raises(RoundError) as raised:
        statistics(bad, 4)
    assert isinstance(raised.value, Absent) == away
    replies = [("a", None), ("b", bad), ("c", answer(points=3.0, right=1.0))]
    with pytest.raises(RoundError) as raised:
        gathered(replies, setting(), 4, 2, silent)
    assert isinstance(raised.value, Absent) == away


def test_a_site_without_a_measure_is_left_out_of_that_one_alone() -> None:
    found = together({"a": {"own_rebuilt": 0.5}, "b": {"own_rebuilt": 0.7, "own_UAR": 0.9}})
    assert found["mean"] == {"own_rebuilt": 0.6, "own_UAR": 0.9}
    assert found["lowest"] == {"own_rebuilt": 0.5, "own_UAR": 0.9} and found["spread"]["own_UAR"] == 0.0
