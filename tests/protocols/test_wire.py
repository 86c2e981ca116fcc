import dataclasses
import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from isofed.contracts import Contract, TableContract, TreeContract
from isofed.errors import ContractError
from isofed.protocols import wire
from isofed.protocols.letter import Held, Letter
from isofed.protocols.levels import NUMBERS
from isofed.records import Channel, Delta, Order, Report, Table, Value
from isofed.trees import from_arrays

Carry = Callable[[RecordDict], RecordDict]


def by_flower(content: RecordDict) -> RecordDict:
    """Take content apart and together again, as on its way over a SuperLink."""
    stored = {key: part.deflate() for key, part in get_all_nested_objects(content).items()}
    found: Any = inflate_object_from_contents(content.object_id, stored)
    return found  # type: ignore[no-any-return]


CARRIERS: Mapping[str, Carry] = {
    "in process": lambda content: content,
    "pickled": lambda content: pickle.loads(pickle.dumps(content)),
    "through flower": by_flower,
    "pickled, then through flower": lambda content: by_flower(pickle.loads(pickle.dumps(content))),
}

DTYPES = ("float16", "float32", "float64", "int64", "uint8", "bool")
TREE = st.dictionaries(
    st.text("abc.", min_size=1, max_size=5),
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    ),
    max_size=5,
).map(from_arrays)


def agreed(channels: Mapping[str, Channel], min_count: int = 2) -> Contract:
    def one(channel: Channel) -> TreeContract | TableContract:
        if isinstance(channel, Table):
            return TableContract(*channel.values.shape, min_count, "identity_centres")
        return TreeContract(channel.kind, channel.tree.layout, "model_state")

    return Contract("camera", {name: one(channel) for name, channel in channels.items()}, NUMBERS)


CENTRES = Table(np.array([[1, 2], [0, 0], [3, 4]], np.float32), np.array([17, 0, 2]))
CHANNELS: dict[str, Channel] = {
    "model": Value(from_arrays({"b.w": np.ones((2, 3), np.float32), "a.w": np.float32(7).reshape(())})),
    "buffers": Value(from_arrays({"n": np.array(3), "v": np.zeros((0, 4), np.float32)})),
    "centres": CENTRES,
}
CONTRACT = agreed(CHANNELS)
NUMBERED = {"examples": 5, "steps": 2, "loss": 0.25}
REPORT = Report(3, 1, "3.1", CHANNELS, NUMBERED)


def same(found: Channel, sent: Channel) -> None:
    assert found.kind == sent.kind
    if isinstance(sent, Table) or isinstance(found, Table):
        assert np.array_equal(found.values, sent.values)  # type: ignore[union-attr]
        assert found.counts.tolist() == [int(c > 0) for c in sent.counts]  # type: ignore[union-attr]
        return
    assert found.tree.layout == sent.tree.layout
    for name in sent.tree:
        here, there = found.tree[name], sent.tree[name]
        assert (here.dtype, here.shape) == (there.dtype, there.shape) and here.tobytes() == there.tobytes()


@pytest.mark.parametrize("carry", CARRIERS.values(), ids=CARRIERS)
def test_a_report_comes_back(carry: Carry) -> None:
    content = carry(wire.report_content(REPORT))
    wire.check(content, CONTRACT)
    found = wire.read_report(content, CONTRACT)
    assert (found.round, found.attempt, found.version) == (3, 1, "3.1")
    assert dict(found.scalars) == REPORT.scalars
    assert {k: type(v) for k, v in found.scalars.items()} == {"examples": int, "steps": int, "loss": float}
    assert set(found.channels) == set(CHANNELS)
    for name, channel in CHANNELS.items():
        same(found.channels[name], channel)


@pytest.mark.parametrize("carry", CARRIERS.values(), ids=CARRIERS)
def test_an_order_comes_back(carry: Carry) -> None:
    order = Order("run", 3, 2, "2.1", "abcd", CHANNELS)
    found = wire.read_order(carry(wire.order_content(order)), CONTRACT, CHANNELS)
    assert (found.run, found.round, found.attempt, found.base, found.digest) == ("run", 3, 2, "2.1", "abcd")
    for name, channel in CHANNELS.items():
        same(found.channels[name], channel)


@settings(max_examples=40)
@given(TREE, TREE, st.sampled_from(sorted(CARRIERS)))
def test_any_tree_comes_back(model: Any, change: Any, carrier: str) -> None:
    channels = {"model": Value(model), "change": Delta(change)}
    contract = agreed(channels)
    report = Report(1, 1, "1.1", channels, REPORT.scalars)
    content = CARRIERS[carrier](wire.report_content(report))
    wire.check(content, contract)
    found = wire.read_report(content, contract)
    for name, channel in channels.items():
        same(found.channels[name], channel)


def test_how_many_images_stand_behind_a_row_never_leaves() -> None:
    content = wire.report_content(REPORT)
    present = content.array_records["table.centres"]["present"].numpy()
    assert present.dtype == np.uint8 and present.tolist() == [1, 0, 1]
    many = Table(CENTRES.values, np.array([9000, 0, 400]))
    other = wire.report_content(Report(3, 1, "3.1", {**CHANNELS, "centres": many}, REPORT.scalars))
    assert by_flower(other).object_id == by_flower(content).object_id


def test_nothing_is_copied_in_process() -> None:
    content = wire.report_content(REPORT)
    held = content.array_records["value.model"]["float32"].numpy()
    assert np.shares_memory(held, CHANNELS["model"].tree.buffers["float32"])  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="read-only"):
        held[0] = 1


def test_payload_counts_arrays_and_numbers() -> None:
    arrays = 7 * 4 + 8 + 6 * 4 + 3
    assert wire.payload(wire.report_content(REPORT)) == arrays + 3 * 8
    assert wire.payload(by_flower(wire.report_content(REPORT))) == arrays + 3 * 8


def test_what_the_contract_does_not_name_is_not_read() -> None:
    order = Order("run", 3, 2, "", "abcd", {**CHANNELS, "secret": CHANNELS["model"]})
    assert set(wire.read_order(wire.order_content(order), CONTRACT, CHANNELS).channels) == set(CHANNELS)


@pytest.mark.parametrize(
    "change",
    [
        {"round": -1},
        {"attempt": 0},
        {"base": "../../evil"},
        {"base": "1.1/../x"},
        {"base": "01.1"},
        {"round": "../../evil"},
        {"more": 1},
    ],
    ids=str,
)
def test_an_order_from_which_a_site_would_build_a_strange_name_is_refused(change: dict[str, Any]) -> None:
    content = wire.order_content(Order("run", 3, 2, "2.1", "abcd", CHANNELS))
    content[wire.ORDER] = ConfigRecord({**content.config_records[wire.ORDER], **change})
    with pytest.raises(ContractError, match="order"):
        wire.read_order(content, CONTRACT, CHANNELS)


def test_an_order_without_a_channel_or_with_one_of_another_kind_is_refused() -> None:
    content = wire.order_content(Order("run", 3, 2, "", "abcd", CHANNELS))
    del content["table.centres"]
    with pytest.raises(ContractError, match="lacks channel 'centres'"):
        wire.read_order(content, CONTRACT, CHANNELS)
    content["value.centres"] = content.array_records["value.model"]
    with pytest.raises(ContractError, match="lacks channel 'centres'"):
        wire.read_order(content, CONTRACT, CHANNELS)


def test_counts_do_not_leave_by_the_back_door() -> None:
    content = wire.report_content(REPORT)
    content.array_records["table.centres"]["present"] = Array(np.array([7, 0, 200], np.uint8))
    with pytest.raises(ContractError, match="more of a row than whether it is present"):
        wire.read_report(content, CONTRACT)


def put(record: str, key: str, array: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        content.array_records[record][key] = array if isinstance(array, Array) else Array(array)

    return change


def replaced(name: str, record: Any) -> Callable[[RecordDict], None]:
    def change(content: RecordDict) -> None:
        del content[name]
        if record is not None:
            content[name] = record

    return change


def fields(**more: Any) -> Callable[[RecordDict], None]:
    return lambda content: content.config_records["report"].update(more)


def numbers(**more: Any) -> Callable[[RecordDict], None]:
    return lambda content: content.metric_records["numbers"].update(more)


ODD: Mapping[str, Callable[[RecordDict], None]] = {
    "extra array record": lambda content: content.__setitem__("value.images", ArrayRecord()),
    "extra config record": lambda content: content.__setitem__("note", ConfigRecord({"path": "cam1/0001"})),
    "extra metric record": lambda content: content.__setitem__("more", MetricRecord({"a": 1})),
    "missing record": replaced("value.buffers", None),
    "a value sent as a delta": lambda content: content.__setitem__("delta.model", content.pop("value.model")),
    "numbers in place of arrays": replaced("value.model", MetricRecord({"a": 1})),
    "arrays in place of numbers": replaced("numbers", ArrayRecord()),
    "arrays in place of fields": replaced("report", ArrayRecord()),
    "extra array": put("value.model", "float64", np.zeros(3)),
    "other shape": put("value.model", "float32", np.zeros(8, np.float32)),
    "other rank": put("value.model", "float32", np.zeros((7, 1), np.float32)),
    "other dtype": put("value.model", "float32", np.zeros(7)),
    "more rows": put("table.centres", "values", np.zeros((4, 2), np.float32)),
    "counts": put("table.centres", "present", np.array([17, 0, 2])),
    "missing array": lambda content: content.array_records["table.centres"].__delitem__("present"),
    "extra number": numbers(age=3),
    "missing number": lambda content: content.metric_records["numbers"].__delitem__("loss"),
    "extra field": fields(note="0001"),
    "missing field": lambda content: content.config_records["report"].__delitem__("round"),
    "long version": fields(version="x" * 33),
    "version of another type": fields(version=b"3.1"),
    "round of another type": fields(round=3.0),
    "round as a bool": fields(round=True),
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
@pytest.mark.parametrize("carry", [CARRIERS["in process"], by_flower], ids=["in process", "through flower"])
def test_what_differs_is_refused(change: Callable[[RecordDict], None], carry: Carry) -> None:
    content = wire.report_content(REPORT)
    change(content)
    with pytest.raises(ContractError):
        wire.check(carry(content), CONTRACT)


def lying(data: bytes, stype: str = "numpy.ndarray") -> Callable[[RecordDict], None]:
    return put("value.model", "float32", Array("float32", (7,), stype, data))


LIES = {
    "another shape inside": lying(Array(np.zeros(1, np.float32)).data),
    "another dtype inside": lying(Array(np.zeros(7)).data),
    "no array inside": lying(b"\x00" * 40),
    "nothing inside": lying(b""),
    "a pickle inside": lying(pickle.dumps([1, 2])),
    "another serialisation": lying(Array(np.zeros(7, np.float32)).data, "torch"),
}


@pytest.mark.parametrize("change", LIES.values(), ids=LIES)
def test_bytes_that_are_not_what_they_claim_are_refused(change: Callable[[RecordDict], None]) -> None:
    content = wire.report_content(REPORT)
    change(content)
    wire.check(content, CONTRACT)  # the claim itself is as agreed
    with pytest.raises(ContractError, match=r"record 'value\.model' (differs|holds bytes that are no array)"):
        wire.read_report(content, CONTRACT)


UNKNOWN = Contract(
    "camera_strict", {**CONTRACT.channels, "centres": TableContract(None, 2, 2, "identity_centres")}, NUMBERS
)


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_a_table_of_as_many_rows_as_the_site_alone_knows_comes_back(rows: int) -> None:
    table = Table(np.arange(2 * rows, dtype=np.float32).reshape(rows, 2), np.full(rows, 2))
    content = by_flower(wire.report_content(Report(3, 1, "3.1", {**CHANNELS, "centres": table}, NUMBERED)))
    wire.check(content, UNKNOWN)
    same(wire.read_report(content, UNKNOWN).channels["centres"], table)


@pytest.mark.parametrize(
    ("values", "present"), [((0, 2), (0,)), ((3, 3), (3,)), ((3, 2), (4,)), ((3,), (3,)), ((3, 2), (3, 1))]
)
def test_a_table_of_unknown_rows_still_has_a_form(values: tuple[int, ...], present: tuple[int, ...]) -> None:
    content = wire.report_content(REPORT)
    record = ArrayRecord()
    record["values"] = Held(np.ones(values, np.float32))
    record["present"] = Held(np.ones(present, np.uint8))
    content["table.centres"] = record
    for read in (wire.check, wire.read_report):
        with pytest.raises(ContractError, match=r"'table\.centres' differs from the contract"):
            read(content, UNKNOWN)  # type: ignore[operator]


def test_more_rows_than_anybody_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_ROWS", 2)
    with pytest.raises(ContractError, match=r"'table\.centres' differs from the contract"):
        wire.check(wire.report_content(REPORT), UNKNOWN)


def test_a_letter_on_its_way_holds_no_counts_and_what_is_changed_in_it_counts() -> None:
    sent = pickle.loads(pickle.dumps(wire.report_content(REPORT)))
    assert isinstance(sent, Letter) and sent.channels["centres"].counts.tolist() == [1, 0, 1]
    found = wire.read_report(sent, CONTRACT)
    assert isinstance(sent, Letter)  # to be read is not to be looked into
    sent["numbers"]["loss"] = 0.5  # type: ignore[index,call-overload]
    assert not isinstance(sent, Letter)
    assert (found.scalars["loss"], wire.read_report(sent, CONTRACT).scalars["loss"]) == (0.25, 0.5)


def test_what_is_read_of_a_letter_is_read_only_as_what_is_sent() -> None:
    order = Order("run", 3, 2, "", "abcd", CHANNELS)
    found: Any = wire.read_order(wire.order_content(order), CONTRACT, CHANNELS).channels["model"]
    with pytest.raises(ValueError, match="read-only"):
        found.tree.buffers["float32"][0] = 1


@pytest.mark.parametrize(
    "change",
    [
        {"round": 1.0},
        {"version": "3.2"},
        {"scalars": {"examples": 5, "steps": 2}},
        {"channels": {**CHANNELS, "images": CHANNELS["model"]}},
        {"channels": {"model": CHANNELS["model"], "centres": CENTRES}},
        {"channels": {**CHANNELS, "model": CHANNELS["buffers"]}},
        {"channels": {**CHANNELS, "centres": Table(np.zeros((4, 2)), np.zeros(4))}},
    ],
    ids=["round", "version", "number", "more", "less", "other layout", "rows"],
)
def test_a_letter_that_differs_is_refused_unopened(change: dict[str, Any]) -> None:
    content = wire.report_content(dataclasses.replace(REPORT, **change))
    with pytest.raises(ContractError):
        wire.check(content, CONTRACT)
    assert isinstance(content, Letter)


@given(hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)))
def test_an_array_is_shown_as_it_lies_in_its_bytes(array: np.ndarray) -> None:
    for each in (array, np.asfortranarray(array)):
        sent = Array(each)
        shown = wire._shown(sent)
        assert shown.dtype == each.dtype and np.array_equal(shown, each, equal_nan=array.dtype.kind == "f")
        if shown.size and each.flags.c_contiguous:
            assert np.shares_memory(shown, np.frombuffer(sent.data, np.uint8)) and not shown.flags.writeable


@pytest.mark.parametrize("cut", [0, 5, 40, 127, 129])
def test_bytes_that_end_too_soon_are_no_array(cut: int) -> None:
    sent = Array(np.arange(3, dtype=np.float32))
    record = ArrayRecord({"float32": Array(sent.dtype, sent.shape, sent.stype, sent.data[:cut])})
    with pytest.raises(ContractError, match="bytes that are no array"):
        wire.opened("value.model", record, {"float32": ("float32", (3,))})
