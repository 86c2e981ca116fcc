"""Orders and reports as messages' contents, and the second check of the contract, on what is sent.

One array record a channel, one array a dtype: the flat buffers travel as they are. What is read is checked
alike whether it came as a letter of this machine or as Flower's records.
"""

import io
import re
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from isofed.contracts import MOST_ROWS, Contract, Form, TreeContract
from isofed.errors import ContractError
from isofed.protocols.letter import NUMBERS, Held, Letter, Made, form_of, sent
from isofed.protocols.pieces import HEADER
from isofed.records import Channel, Delta, Order, Report, Table, Value
from isofed.trees import Tree, dtype_name

ORDER, REPORT = "order", "report"
_REPORT_KEYS = {"round": int, "attempt": int, "version": str}
_ORDER_KEYS = {"run": str, "round": int, "attempt": int, "base": str, "digest": str}
_VERSION = re.compile(r"[1-9][0-9]*\.[1-9][0-9]*")


def order_content(order: Order, made: Made | None = None) -> RecordDict:
    """Return an order as a message's content.

    Args:
        order: for one site.
        made: of a round: what many orders carry is made once.
    """
    fields = {
        "run": order.run,
        "round": order.round,
        "attempt": order.attempt,
        "base": order.base,
        "digest": order.digest,
    }
    made = made or Made()
    return Letter(ORDER, fields, {name: made.sent(c) for name, c in order.channels.items()}, made=made)


def report_content(report: Report) -> RecordDict:
    """Return a report as a message's content."""
    fields = {"round": report.round, "attempt": report.attempt, "version": report.version}
    channels = {name: sent(channel) for name, channel in report.channels.items()}
    return Letter(REPORT, fields, channels, dict(report.scalars))


def read_order(content: RecordDict, contract: Contract, needed: Iterable[str]) -> Order:
    """Return the order in a message; what the contract does not name is ignored.

    Args:
        content: of the message.
        contract: says what each channel looks like.
        needed: channels that the order must have.

    Raises:
        ContractError: a field or channel is missing or not what it should be. A site builds file names
            from these fields, so they are checked as closely as what leaves.
    """
    fields = _fields(content, ORDER)
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


def _fields(content: RecordDict, kind: str) -> Mapping[str, Any]:
    if isinstance(content, Letter):
        return content.fields if content.kind == kind else {}
    found: Any = content.get(kind)
    return dict(found) if isinstance(found, ConfigRecord) else {}


def _counted(fields: Mapping[str, Any]) -> bool:
    return bool(fields["round"] >= 0 and fields["attempt"] >= 1)


def read_report(content: RecordDict, contract: Contract) -> Report:
    """Return the report in a message that :func:`check` has passed."""
    channels = _read_channels(content, contract)
    return Report(channels=channels, scalars=_numbers(content), **_fields(content, REPORT))


def payload(content: RecordDict) -> int:
    """Bytes of all arrays in a message, and eight for each number."""
    if isinstance(content, Letter):
        return sum(channel.nbytes for channel in content.channels.values()) + 8 * len(content.numbers or ())
    return sum(_size(record) for record in content.values())


def lies_in_file(content: RecordDict) -> bool:
    """Whether large arrays of a message lie in a file, where they take no memory."""
    if isinstance(content, Letter):
        return False
    arrays = (array for record in content.array_records.values() for array in record.values())
    return any(isinstance(vars(array).get("data"), memoryview) for array in arrays)


def check(content: RecordDict, contract: Contract) -> None:
    """Raise ContractError unless a report is, to the last name, dtype and shape, as agreed."""
    found = _kinds(content)
    kinds = {**dict.fromkeys(contract.records, ArrayRecord), REPORT: ConfigRecord, NUMBERS: MetricRecord}
    if found != kinds:
        odd = sorted(name for name, _ in found.items() ^ kinds.items())[0]
        raise ContractError(f"the message's records differ from the contract at '{odd}'")
    for name, form in contract.records.items():
        if not _matches(_claimed(content, name), form):
            raise ContractError(f"record '{name}' differs from the contract in dtype or shape")
    fields = _fields(content, REPORT)
    types = {key: type(value) for key, value in fields.items()}
    if types != _REPORT_KEYS or fields["version"] != f"{fields['round']}.{fields['attempt']}":
        raise ContractError("the message's report fields differ from the contract")
    if set(_numbers(content)) != set(contract.numbers):
        raise ContractError("the message's numbers differ from the contract")


def _kinds(content: RecordDict) -> dict[str, type]:
    """Return the kind of each record by its name."""
    if not isinstance(content, Letter):
        return {name: type(record) for name, record in content.items()}
    found: dict[str, type] = {f"{c.kind}.{name}": ArrayRecord for name, c in content.channels.items()}
    return found | {content.kind: ConfigRecord} | ({} if content.numbers is None else {NUMBERS: MetricRecord})


def _claimed(content: RecordDict, name: str) -> Form:
    """Return what is said of a record's arrays."""
    if isinstance(content, Letter):
        return form_of(content.channels[name.partition(".")[2]])
    return {key: (array.dtype, tuple(array.shape)) for key, array in content[name].items()}  # type: ignore[union-attr]


def _numbers(content: RecordDict) -> Mapping[str, Any]:
    numbers: Any = content.numbers if isinstance(content, Letter) else dict(content[NUMBERS])
    return numbers


def _matches(found: Form, form: Form) -> bool:
    """Return whether arrays have an agreed form; a form without a number of rows takes any, all alike."""
    if found == form:
        return True
    if not any(None in shape for _, shape in form.values()):
        return False
    rows = {shape[0] or 0 for _, shape in found.values() if shape}
    if len(rows) != 1 or not 0 < max(rows) <= MOST_ROWS:
        return False
    return found == {key: (dtype, (*rows, *shape[1:])) for key, (dtype, shape) in form.items()}


def _read_channels(content: RecordDict, contract: Contract) -> dict[str, Channel]:
    if isinstance(content, Letter):
        held = content.channels.items()
        return {n: _as_agreed(n, c, contract.channels[n]) for n, c in held if _named(n, c.kind, contract)}
    channels: dict[str, Channel] = {}
    for key, record in content.items():
        kind, _, name = key.partition(".")
        if isinstance(record, ArrayRecord) and _named(name, kind, contract):
            agreed = contract.channels[name]
            channels[name] = _channel(kind, opened(key, record, agreed.form), agreed)
    return channels


def _named(name: str, kind: str, contract: Contract) -> bool:
    return name in contract.channels and _fits(kind, contract.channels[name])


def _as_agreed(name: str, channel: Channel, agreed: Any) -> Channel:
    if not _matches(form_of(channel), agreed.form):
        raise ContractError(f"record '{channel.kind}.{name}' differs from the contract in dtype or shape")
    if isinstance(channel, Table) or channel.tree.layout.digest == agreed.layout.digest:
        return channel
    return type(channel)(Tree(agreed.layout, channel.tree.buffers))  # names are no part of what is sent


def _fits(kind: str, agreed: Any) -> bool:
    # an order carries the model itself where a report may carry differences
    return kind in ("value", "delta") if isinstance(agreed, TreeContract) else kind == agreed.kind


def opened(name: str, record: ArrayRecord, form: Form) -> Mapping[str, np.ndarray]:
    """Return a record's arrays; what a sender says of its bytes and what they are can differ."""
    try:
        arrays = {key: _shown(array) for key, array in record.items()}
    except Exception:
        raise ContractError(f"record '{name}' holds bytes that are no array") from None
    if not _matches({key: (dtype_name(array), array.shape) for key, array in arrays.items()}, form):
        raise ContractError(f"record '{name}' differs from the contract in dtype or shape")
    if "present" in arrays and (arrays["present"] > 1).any():
        raise ContractError(f"record '{name}' says more of a row than whether it is present")
    return arrays


def _shown(array: Any) -> np.ndarray:
    """Return one of Flower's arrays, read-only, as it lies in the bytes that came, which need no copy."""
    if isinstance(array, Held) or array.stype != "numpy.ndarray":
        return np.asarray(array.numpy())
    file = io.BytesIO(memoryview(array.data)[:HEADER])
    if np.lib.format.read_magic(file) != (1, 0):
        return np.asarray(array.numpy())
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran or dtype.hasobject:
        return np.asarray(array.numpy())
    return np.frombuffer(array.data, dtype, prod(shape), file.tell()).reshape(shape)


def _channel(kind: str, arrays: Mapping[str, np.ndarray], agreed: Any) -> Channel:
    if kind == "table":
        return Table(arrays["values"], arrays["present"].astype(np.int64))
    tree = Tree(agreed.layout, arrays)
    return Value(tree) if kind == "value" else Delta(tree)


def _size(record: Any) -> int:
    if isinstance(record, ArrayRecord):
        return sum(prod(array.shape) * np.dtype(array.dtype).itemsize for array in record.values())
    return 8 * len(record) if isinstance(record, MetricRecord) else 0
