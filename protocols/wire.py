"""Orders and reports as Flower records, and the second check of the contract, on what is sent.

With plain.py the only module below server and client that knows Flower. One array record a channel, one
array a dtype: the flat buffers travel as they are.
"""

import io
import re
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from isofed.contracts import MOST_ROWS, Contract, Form, TreeContract
from isofed.errors import ContractError
from isofed.records import Channel, Delta, Order, Report, Table, Value
from isofed.trees import Tree

ORDER, REPORT, NUMBERS = "order", "report", "numbers"
_REPORT_KEYS = {"round": int, "attempt": int, "version": str}
_ORDER_KEYS = {"run": str, "round": int, "attempt": int, "base": str, "digest": str}
_VERSION = re.compile(r"[1-9][0-9]*\.[1-9][0-9]*")


class Held(Array):
    """A Flower array that keeps its ndarray and serialises only when somebody asks for bytes."""

    def __init__(self, array: np.ndarray) -> None:
        self._held = array.view()
        self._held.flags.writeable = False
        self.dtype, self.shape, self.stype = str(array.dtype), array.shape, "numpy.ndarray"

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The array in NumPy's file format, as Flower sends it."""
        file = io.BytesIO()
        np.save(file, self._held, allow_pickle=False)
        return file.getvalue()

    def numpy(self) -> np.ndarray:
        """Return the array itself, read-only."""
        return self._held

    def deflate(self) -> bytes:
        """Return what Flower stores of the array, under the class name that every receiver knows."""
        return Array(self._held).deflate()

    def __reduce__(self) -> Any:
        return Held, (self._held,)


def order_content(order: Order, made: dict[int, ArrayRecord] | None = None) -> RecordDict:
    """Return an order as Flower records.

    Args:
        order: for one site.
        made: the records of a round's channels by their ``id``: what many orders carry is made once.
    """
    content = _channels(order.channels, {} if made is None else made)
    content[ORDER] = ConfigRecord(
        {
            "run": order.run,
            "round": order.round,
            "attempt": order.attempt,
            "base": order.base,
            "digest": order.digest,
        }
    )
    return content


def read_order(content: RecordDict, contract: Contract, needed: Iterable[str]) -> Order:
    """Return the order in a message; what the contract does not name is ignored.

    Args:
        content: the message's records.
        contract: says what each channel looks like.
        needed: channels that the order must have.

    Raises:
        ContractError: a field or channel is missing or not what it should be. A site builds file names
            from these fields, so they are checked as closely as what leaves.
    """
    found = content.get(ORDER)
    fields: Any = dict(found) if isinstance(found, ConfigRecord) else {}
    if {key: type(value) for key, value in fields.items()} != _ORDER_KEYS or not _counted(fields):
        raise ContractError(
            "the order's fields differ from the contract; server and site must be one version"
        )
    if fields["base"] and not _VERSION.fullmatch(fields["base"]):
        raise ContractError("the order names a memory version that no site makes")
    channels = _read_channels(content, contract)
    for name in needed:
        if name not in channels:
            raise ContractError(f"the order lacks channel '{name}'")
    return Order(channels=channels, **fields)


def _counted(fields: Mapping[str, Any]) -> bool:
    return bool(fields["round"] >= 0 and fields["attempt"] >= 1)


def report_content(report: Report) -> RecordDict:
    """Return a report as Flower records."""
    content = _channels(report.channels, {})
    content[REPORT] = ConfigRecord(
        {"round": report.round, "attempt": report.attempt, "version": report.version}
    )
    content[NUMBERS] = MetricRecord(dict(report.scalars))
    return content


def read_report(content: RecordDict, contract: Contract) -> Report:
    """Return the report in a message that :func:`check` has passed."""
    fields: Any = dict(content[REPORT])
    scalars: Any = dict(content[NUMBERS])
    return Report(channels=_read_channels(content, contract), scalars=scalars, **fields)


def payload(content: RecordDict) -> int:
    """Bytes of all arrays in a message, and eight for each number."""
    return sum(_size(record) for record in content.values())


def check(content: RecordDict, contract: Contract) -> None:
    """Raise ContractError unless a report's records are, to the last name, dtype and shape, as agreed."""
    agreed = {f"{c.kind}.{name}": c.form for name, c in contract.channels.items()}
    found_kinds = {name: type(record) for name, record in content.items()}
    kinds = {**dict.fromkeys(agreed, ArrayRecord), REPORT: ConfigRecord, NUMBERS: MetricRecord}
    if found_kinds != kinds:
        odd = sorted(name for name, _ in found_kinds.items() ^ kinds.items())[0]
        raise ContractError(f"the message's records differ from the contract at '{odd}'")
    for name, form in agreed.items():
        found = {key: (array.dtype, tuple(array.shape)) for key, array in content[name].items()}  # type: ignore[union-attr]
        if not _matches(found, form):
            raise ContractError(f"record '{name}' differs from the contract in dtype or shape")
    _check_fields(content, contract)


def _check_fields(content: RecordDict, contract: Contract) -> None:
    fields: Any = content[REPORT]
    types = {key: type(value) for key, value in fields.items()}
    if types != _REPORT_KEYS or fields["version"] != f"{fields['round']}.{fields['attempt']}":
        raise ContractError("the message's report fields differ from the contract")
    if set(content[NUMBERS]) != set(contract.numbers):
        raise ContractError("the message's numbers differ from the contract")


def _matches(found: Form, form: Form) -> bool:
    """Return whether arrays have an agreed form; a form without a number of rows takes any, all alike."""
    if not any(None in shape for _, shape in form.values()):
        return found == form
    rows = {shape[0] or 0 for _, shape in found.values() if shape}
    if len(rows) != 1 or not 0 < max(rows) <= MOST_ROWS:
        return False
    return found == {key: (dtype, (*rows, *shape[1:])) for key, (dtype, shape) in form.items()}


def _channels(channels: Mapping[str, Channel], made: dict[int, ArrayRecord]) -> RecordDict:
    content = RecordDict()
    for name, channel in channels.items():
        if id(channel) not in made:
            made[id(channel)] = _record(channel)
        content[f"{channel.kind}.{name}"] = made[id(channel)]
    return content


def _record(channel: Channel) -> ArrayRecord:
    record = ArrayRecord()
    for key, array in _arrays(channel).items():
        # item assignment, because ArrayRecord's constructor would serialise
        record[key] = Held(array)
    return record


def _arrays(channel: Channel) -> Mapping[str, np.ndarray]:
    if isinstance(channel, Table):
        # how many images stand behind a row is the site's own affair: presence alone leaves
        present = (np.asarray(channel.counts) > 0).astype(np.uint8)
        return {"values": np.asarray(channel.values, np.float32), "present": present}
    return {dtype: np.asarray(buffer) for dtype, buffer in channel.tree.buffers.items()}


def _read_channels(content: RecordDict, contract: Contract) -> dict[str, Channel]:
    channels: dict[str, Channel] = {}
    for key, record in content.items():
        kind, _, name = key.partition(".")
        if not isinstance(record, ArrayRecord):
            continue
        if name in contract.channels and _fits(kind, contract.channels[name]):
            agreed = contract.channels[name]
            channels[name] = _channel(kind, opened(key, record, agreed.form), agreed)
    return channels


def _fits(kind: str, agreed: Any) -> bool:
    # an order carries the model itself where a report may carry differences
    return kind in ("value", "delta") if isinstance(agreed, TreeContract) else kind == agreed.kind


def opened(name: str, record: ArrayRecord, form: Form) -> Mapping[str, np.ndarray]:
    """Return a record's arrays; what a sender says of its bytes and what they are can differ."""
    try:
        arrays = {key: array.numpy() for key, array in record.items()}
    except Exception:
        raise ContractError(f"record '{name}' holds bytes that are no array") from None
    if not _matches({key: (str(array.dtype), array.shape) for key, array in arrays.items()}, form):
        raise ContractError(f"record '{name}' differs from the contract in dtype or shape")
    if "present" in arrays and (arrays["present"] > 1).any():
        raise ContractError(f"record '{name}' says more of a row than whether it is present")
    return arrays


def _channel(kind: str, arrays: Mapping[str, np.ndarray], agreed: Any) -> Channel:
    if kind == "table":
        return Table(arrays["values"], arrays["present"].astype(np.int64))
    tree = Tree(agreed.layout, arrays)
    return Value(tree) if kind == "value" else Delta(tree)


def _size(record: Any) -> int:
    if isinstance(record, ArrayRecord):
        return sum(prod(array.shape) * np.dtype(array.dtype).itemsize for array in record.values())
    return 8 * len(record) if isinstance(record, MetricRecord) else 0
