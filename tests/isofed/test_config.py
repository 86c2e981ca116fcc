from dataclasses import dataclass, field
from typing import Any

import pytest

from isofed.config import call, digest, read, within
from isofed.errors import ConfigError
from isofed.suggest import nearest, pick, unknown


@dataclass(frozen=True)
class Schema:
    steps: int
    rate: float = 0.1
    fast: bool = False
    name: str = "x"
    root: str | None = None
    make: dict[str, Any] = field(default_factory=dict)


def test_values_are_read() -> None:
    found = read(
        Schema, {"steps": 3, "rate": 0.5, "fast": True, "name": "y", "root": "r", "make": {"a": 1}}, "task"
    )
    assert found == Schema(3, 0.5, True, "y", "r", {"a": 1})
    assert read(Schema, {"steps": 3, "root": None}, "task") == Schema(3)


def test_a_whole_number_does_for_a_float() -> None:
    rate = read(Schema, {"steps": 3, "rate": 2}, "task").rate
    assert type(rate) is float and rate == 2.0


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"steps": 1, "rat": 2.0}, r"unknown key 'task.rat'; did you mean 'rate'\? known: steps, rate, fast"),
        ({"steps": 1, "zzzzzz": 2.0}, r"unknown key 'task.zzzzzz'; known"),
        ({}, "'task.steps' is missing: give a whole number"),
        ({"steps": True}, "'task.steps' is True, but must be a whole number"),
        ({"steps": 1.0}, "'task.steps' is 1.0, but must be a whole number"),
        ({"steps": "1"}, "'task.steps' is '1', but must be a whole number"),
        ({"steps": None}, "'task.steps' is None, but must be a whole number"),
        ({"steps": 1, "rate": True}, "'task.rate' is True, but must be a number"),
        ({"steps": 1, "rate": "0.1"}, "'task.rate' is '0.1', but must be a number"),
        ({"steps": 1, "fast": 1}, "'task.fast' is 1, but must be true or false"),
        ({"steps": 1, "name": 1}, "'task.name' is 1, but must be a text"),
        ({"steps": 1, "root": 5}, "'task.root' is 5, but must be a text"),
        ({"steps": 1, "make": 5}, "'task.make' is 5, but must be a group of keys"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        read(Schema, values, "task")


def recipe(mu: float, k: int = 4) -> tuple[float, int]:
    return mu, k


def nothing() -> None: ...


def test_a_signature_is_a_schema() -> None:
    assert call(recipe, {"mu": 1}, "strategy") == (1.0, 4)
    assert type(call(recipe, {"mu": 1}, "strategy")[0]) is float


@pytest.mark.parametrize(
    ("function", "values", "sentence"),
    [
        (recipe, {"mu": 1.0, "kk": 2}, r"unknown key 'strategy.kk'; did you mean 'k'\? known: mu, k"),
        (recipe, {"mu": 1.0, "k": 2.5}, "'strategy.k' is 2.5, but must be a whole number"),
        (recipe, {"mu": 1.0, "k": True}, "'strategy.k' is True, but must be a whole number"),
        (recipe, {"k": 2}, "'strategy.mu' is missing: give a number"),
        (nothing, {"mu": 1.0}, "unknown key 'strategy.mu'; it takes none"),
    ],
)
def test_a_call_that_does_not_fit_is_named(function: Any, values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        call(function, values, "strategy")


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_number_out_of_range_is_refused(value: float) -> None:
    within("p", 0.0, 0.0, 1.0)
    within("p", 1.0, 0.0, 1.0)
    with pytest.raises(ConfigError, match=r"'p' is .* between 0 and 1"):
        within("p", value, 0.0, 1.0)


def test_a_digest_ignores_order_and_nothing_else() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2}) and digest([1, 2]) != digest([2, 1])


def test_names_are_suggested() -> None:
    assert nearest("fedavgg", ["fedavg", "dppt"]) == "; did you mean 'fedavg'?"
    assert nearest("qqq", ["fedavg", "dppt"]) == ""
    assert str(unknown("strategy", "dpp", ["fedavg", "dppt"])) == (
        "unknown strategy 'dpp'; did you mean 'dppt'? known: dppt, fedavg"
    )
    assert pick("strategy", "a", {"a": 1}) == 1
    with pytest.raises(ConfigError, match="unknown strategy 'b'; known: a"):
        pick("strategy", "b", {"a": 1})
