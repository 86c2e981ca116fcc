"""Which runs are the same setting, and whether a name tells it from all others."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.simulations.compare.settings import SEEDS, SILENT, flat, group

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2), st.floats(-2, 2).map(lambda x: round(x, 1)),
    st.sampled_from(["a", "b", "1", "null", "unset", "a, b=c", "", "0.5"]),
)  # fmt: skip
OPTIONS = st.dictionaries(st.sampled_from(["lam", "mu", "k"]), VALUES)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    cfg: dict[str, Any] = {"seed": draw(st.integers(0, 2)), "rounds": draw(st.integers(1, 2))}
    cfg["data"] = {"layout": draw(st.sampled_from(["sysu", "llcm"])), "seed": draw(st.integers(0, 1))}
    for kind, names in (("strategy", ["fedavg", "dppt", "fedprox"]), ("protocol", ["camera", "entity"])):
        cfg[kind] = draw(OPTIONS) | {"name": draw(st.sampled_from(names))}
    return flat(cfg | {"run": draw(st.text()), "progress": draw(st.booleans())})


def federation(values: dict[str, Any]) -> str:
    """What a run does, without the keys that do not tell settings apart."""
    kept = {k: v for k, v in values.items() if k not in (*SEEDS, *SILENT)}
    numbers = {k: float(v) if type(v) is int else v for k, v in kept.items()}
    # -0.0 is 0
    return json.dumps({k: v + 0.0 if isinstance(v, float) else v for k, v in numbers.items()}, sort_keys=True)


@given(st.lists(configurations(), max_size=8))
def test_runs_are_together_if_and_only_if_they_differ_in_seeds_alone(given_: list[dict[str, Any]]) -> None:
    settings = group(given_)
    assert sorted(place for s in settings for place in s.members) == list(range(len(given_)))
    told = [{federation(given_[place]) for place in s.members} for s in settings]
    assert all(len(each) == 1 for each in told)
    assert len(set.union(set(), *told)) == len(settings)


@given(st.lists(configurations(), max_size=8))
def test_no_two_settings_have_one_name(given_: list[dict[str, Any]]) -> None:
    names = [s.name for s in group(given_)]
    assert len(set(names)) == len(names)


@given(st.lists(configurations(), min_size=1, max_size=6), st.integers())
def test_the_order_of_runs_changes_nothing_but_the_order(given_: list[dict[str, Any]], seed: int) -> None:
    places = list(range(len(given_)))
    random.Random(seed).shuffle(places)
    there = {s.name: {places[m] for m in s.members} for s in group([given_[p] for p in places])}
    assert there == {s.name: set(s.members) for s in group(given_)}


def names(*changes: dict[str, Any]) -> list[str]:
    base = {"strategy.name": "dppt", "strategy.lam": 1, "protocol.name": "camera", "rounds": 20}
    return [s.name for s in group([{k: v for k, v in (base | c).items() if v != ""} for c in changes])]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ([{}, {"strategy.name": "fedavg", "strategy.lam": ""}], ["strategy=dppt", "strategy=fedavg"]),
        ([{"strategy.lam": 0.5}, {}], ["strategy.lam=0.5", "strategy.lam=1"]),
        ([{}, {"rounds": 5}, {"rounds": 20.0}], ["rounds=20", "rounds=5"]),
        ([{"seed": 0, "run": "a"}, {"seed": 1, "run": "b"}], ["strategy=dppt"]),
        (
            [
                {"strategy.name": "fedprox", "strategy.mu": 0.1},
                {"strategy.name": "fedprox"},
                {"strategy.mu": 3},
            ],
            ["strategy=fedprox, strategy.mu=0.1", "strategy=fedprox, strategy.mu=unset", "strategy=dppt"],
        ),
        (
            [{"protocol.name": "entity"}, {"rounds": 2, "protocol.name": "entity"}, {}],
            ["protocol=entity, rounds=20", "protocol=entity, rounds=2", "protocol=camera, rounds=20"],
        ),
        ([{"a": "1"}, {"a": 1}, {"a": "unset"}, {}], ['a="1"', "a=1", 'a="unset"', "a=unset"]),
    ],
)
def test_settings_are_called_by_what_tells_them_apart(changes: Any, named: list[str]) -> None:
    assert names(*changes) == named


def test_a_setting_holds_the_values_that_differ() -> None:
    found = group(
        [{"strategy.name": "dppt", "seed": 0}, {"strategy.name": "fedavg", "strategy.x": 1, "seed": 1}]
    )
    assert [(s.name, s.members) for s in found] == [("strategy=dppt", (0,)), ("strategy=fedavg", (1,))]
    assert [s.differs for s in found] == [
        {"strategy.name": "dppt"},
        {"strategy.name": "fedavg", "strategy.x": 1},
    ]
