from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord
from flwr.serverapp.strategy import FedAvg

from isofed.server.flowers import build
from isofed.server.stored import restored, stored, unstored
from isofed.strategies.stock import Stock

WRAPPED = Stock(
    "DifferentialPrivacyServerSideAdaptiveClipping",
    {"strategy": "FedYogi", "noise_multiplier": 0.1, "num_sampled_clients": 6},
)


def fresh() -> Any:
    return FedAvg()


def test_nothing_changed_is_nothing_stored() -> None:
    assert stored(fresh(), fresh()) == {}
    assert stored(build(WRAPPED), build(WRAPPED)) == {}


@pytest.mark.parametrize(
    "value",
    [
        np.arange(3, dtype=np.float32),
        np.array(2.5),
        [np.ones(2), np.zeros((1, 2), np.float32)],
        (np.ones(2), np.float32(3)),
        {"b": np.ones(2), "a": np.zeros(1, np.int64)},
        {},
        [],
        0.1,
        3,
        True,
        np.float64(0.5),
    ],
)
def test_what_can_be_stored_comes_back(value: Any) -> None:
    strategy = fresh()
    strategy.kept = value
    state = stored(strategy, fresh())
    assert unstored(state) == ""
    again: Any = restored(fresh(), state)
    assert isinstance(again.kept, type(value)) or np.asarray(again.kept) == value
    np.testing.assert_equal(again.kept, value)
    assert list(again.kept) == list(value) if isinstance(value, dict) else True
    assert {key: {k: v.dtype for k, v in t.items()} for key, t in stored(again, fresh()).items()} == {
        key: {k: v.dtype for k, v in t.items()} for key, t in state.items()
    }


def test_a_record_comes_back_in_its_order() -> None:
    strategy = fresh()
    strategy.current_arrays = ArrayRecord({"b": Array(np.ones(2)), "a": Array(np.array(1, np.float32))})
    again: Any = restored(fresh(), stored(strategy, fresh()))
    assert list(again.current_arrays) == ["b", "a"]
    assert [array.dtype for array in again.current_arrays.values()] == ["float64", "float32"]
    assert again.current_arrays["b"].numpy().flags.writeable


def test_the_strategy_inside_a_wrapper_is_stored_too() -> None:
    made: Any = build(WRAPPED)
    made.clipping_norm = 0.25
    made.strategy.m_t = {"w": np.ones(2)}
    state = stored(made, build(WRAPPED))
    assert set(state) == {"number:clipping_norm", "dict:strategy.m_t"}
    again: Any = restored(build(WRAPPED), state)
    assert again.clipping_norm == 0.25 and again.strategy.m_t["w"].tolist() == [1, 1]


@pytest.mark.parametrize(
    "value", [iter([1]), object(), [np.ones(2), "x"], {"a": {"b": 1}}, 2**70, "word", np.array(["a"])]
)
def test_what_cannot_is_named(value: Any) -> None:
    strategy = fresh()
    strategy.hoard = value
    assert unstored(stored(strategy, fresh())) == "hoard"
