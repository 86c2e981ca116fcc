"""The wire of Flower's own strategies: what they see, what they never see, and what may leave a site."""

import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents

from isofed.contracts import Contract, TreeContract
from isofed.errors import ContractError
from isofed.protocols import plain, wire
from isofed.protocols.levels import NUMBERS
from isofed.records import Channel, Order, Report, Value
from isofed.trees import Layout, Tree, from_arrays

MODEL = from_arrays({"b.w": np.ones((2, 3), np.float32), "a.w": np.float32(7).reshape(())})
BUFFERS = from_arrays({"n": np.array(3), "v": np.full(4, 0.5, np.float32)})
CHANNELS: Mapping[str, Channel] = {"model": Value(MODEL), "buffers": Value(BUFFERS)}
CONTRACT = Contract(
    "camera",
    {
        name: TreeContract("value", tree.layout, "model_state")
        for name, tree in (("model", MODEL), ("buffers", BUFFERS))
    },
    NUMBERS,
)
CONFIG = {"server-round": 3, "proximal-mu": 0.5}
ORDER = Order("run", 3, 1, "2.1", "abc", CHANNELS, CONFIG)
REPORT = Report(3, 1, "3.1", CHANNELS, {"examples": 5, "steps": 2, "loss": 0.25})


def by_flower(content: RecordDict) -> RecordDict:
    """Take content apart and together again, as on its way over a SuperLink."""
    stored = {key: part.deflate() for key, part in get_all_nested_objects(content).items()}
    found: Any = inflate_object_from_contents(content.object_id, stored)
    return found  # type: ignore[no-any-return]


carried = pytest.mark.parametrize(
    "carry", [lambda content: content, lambda content: pickle.loads(pickle.dumps(content)), by_flower]
)


def equal(one: Mapping[str, Channel], other: Mapping[str, Channel]) -> bool:
    trees = {name: (channel.tree, other[name].tree) for name, channel in one.items()}  # type: ignore[union-attr]
    return set(one) == set(other) and all(
        a.layout == b.layout and all(a[name].tobytes() == b[name].tobytes() for name in a)
        for a, b in trees.values()
    )


@carried
def test_an_order_arrives_as_it_was_sent(carry: Callable[[RecordDict], RecordDict]) -> None:
    content = carry(plain.order_content(ORDER))
    found = plain.read_order(content, CONTRACT, ["model", "buffers"])
    assert equal(found.channels, CHANNELS) and dict(found.config) == CONFIG
    assert replace(found, channels=CHANNELS, config=CONFIG) == ORDER
    # what a client of Flower's tutorials would look for
    assert list(content["arrays"]) == ["b.w", "a.w"] and content["config"]["proximal-mu"] == 0.5


@carried
def test_a_report_arrives_as_it_was_sent(carry: Callable[[RecordDict], RecordDict]) -> None:
    content = carry(plain.report_content(REPORT))
    plain.check(content, CONTRACT)
    found = plain.read_report(content, CONTRACT)
    assert equal(found.channels, CHANNELS) and dict(found.scalars) == dict(REPORT.scalars)
    assert (found.round, found.attempt, found.version) == (3, 1, "3.1")


def test_a_strategy_sees_parameters_and_metrics_alone_and_may_write_into_them() -> None:
    content = plain.report_content(REPORT)
    shown = plain.for_strategy(content)
    assert set(shown) == {"arrays", "metrics"}
    assert dict(shown["metrics"]) == {"num-examples": 5, "steps": 2, "train_loss": 0.25}
    array = shown["arrays"]["b.w"].numpy()
    array += 1
    assert (MODEL["b.w"] == 1).all()


def _set(record: str, key: str, value: Any) -> Callable[[RecordDict], None]:
    return lambda content: content[record].__setitem__(key, value)


def _put(record: str, value: Any) -> Callable[[RecordDict], None]:
    return lambda content: content.__setitem__(record, value)


def _drop(record: str, key: str) -> Callable[[RecordDict], None]:
    return lambda content: content[record].__delitem__(key)


def _turned(content: RecordDict) -> None:
    content["arrays"] = ArrayRecord(dict(reversed(list(content["arrays"].items()))))


@pytest.mark.parametrize(
    "spoil",
    [
        _set("arrays", "c.w", Array(np.ones(3, np.float32))),
        _set("arrays", "b.w", Array(np.ones((2, 3)))),
        _set("arrays", "b.w", Array(np.ones((3, 2), np.float32))),
        _drop("arrays", "a.w"),
        _turned,
        _set("metrics", "images", 3),
        _set("metrics", "examples", 3),
        _drop("metrics", "train_loss"),
        _put("labels", ConfigRecord({"a": 1})),
        _put("config", ConfigRecord({"a": 1})),
        _put("value.model", ArrayRecord()),
        _put("numbers", MetricRecord({"examples": 5})),
        _put("metrics", ConfigRecord({"num-examples": 5})),
        _put("arrays", ConfigRecord({"a": 1})),
        _set("report", "site", "cam1"),
        lambda content: content.__delitem__("value.buffers"),
    ],
)
def test_whatever_was_not_agreed_is_refused(spoil: Callable[[RecordDict], None]) -> None:
    content = plain.report_content(REPORT)
    plain.check(content, CONTRACT)
    spoil(content)
    with pytest.raises(ContractError):
        plain.check(content, CONTRACT)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda content: content.__delitem__("arrays"), "lacks record 'arrays'"),
        (_set("arrays", "b.w", Array(np.ones(2, np.float32))), "differs from the contract in dtype or shape"),
        (lambda content: content.__delitem__("value.buffers"), "lacks channel 'buffers'"),
        (_set("order", "base", "../elsewhere"), "a memory version that no site makes"),
    ],
)
def test_an_order_is_checked_as_ours_are(spoil: Callable[[RecordDict], None], said: str) -> None:
    content = plain.order_content(ORDER)
    spoil(content)
    with pytest.raises(ContractError, match=said):
        plain.read_order(content, CONTRACT, ["model", "buffers"])


def test_what_a_strategy_made_takes_the_dtypes_of_the_model() -> None:
    made = ArrayRecord({"a.w": Array(np.array(1 / 3)), "b.w": Array(np.full((2, 3), 1 / 3))})
    tree = plain.tree_of(made, MODEL.layout)
    assert tree.layout == MODEL.layout and tree["b.w"].dtype == np.float32
    assert (tree["b.w"] == np.float32(1 / 3)).all() and tree["a.w"] == np.float32(1 / 3)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a.w": np.array(1.0)}, "other arrays than the model has"),
        ({"a.w": np.ones(2), "b.w": np.ones((2, 3))}, "other arrays than the model has"),
        ({"a.w": np.array(np.nan), "b.w": np.ones((2, 3))}, "NaN or infinite"),
        ({"a.w": np.array(1e300), "b.w": np.ones((2, 3))}, "NaN or infinite"),
    ],
)
def test_what_is_no_model_is_refused(arrays: Mapping[str, np.ndarray], said: str) -> None:
    record = ArrayRecord({name: Array(array) for name, array in arrays.items()})
    with pytest.raises(ContractError, match=said):
        plain.tree_of(record, MODEL.layout)


def test_both_wires_carry_the_same_bytes() -> None:
    assert wire.payload(plain.report_content(REPORT)) == wire.payload(wire.report_content(REPORT))
    empty = Tree(Layout.of(()), {})
    assert list(plain.arrays_of(empty)) == []
