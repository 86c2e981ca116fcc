"""Orders and reports as Flower's own strategies know them: named float arrays, and ``num-examples``.

A message holds what such a strategy reads and writes, ``arrays`` with ``config`` or ``metrics``, and beside
it our own records, which it never sees: who asks, for which round, and the running statistics, which no rule
for parameters may touch. The functions have the names and the meaning of those in wire.py, so that either
module can stand in for the other.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from isofed.contracts import Contract, Form
from isofed.errors import ContractError
from isofed.protocols import wire
from isofed.protocols.letter import NUMBERS, Held
from isofed.records import Order, Report, Value
from isofed.trees import Layout, Tree, from_arrays, zeros

ARRAYS, CONFIG, METRICS, MODEL = "arrays", "config", "metrics", "model"
METRIC = {"examples": "num-examples", "loss": "train_loss"}
"""Flower's names of public numbers; the others go by ours."""


def order_content(order: Order) -> RecordDict:
    """Return an order as Flower records."""
    content = wire.order_content(replace(order, channels=_but_model(order.channels)))
    content[ARRAYS] = _record(order.channels[MODEL], Held)
    content[CONFIG] = ConfigRecord(dict(order.config))
    return content


def read_order(content: RecordDict, contract: Contract, needed: Iterable[str]) -> Order:
    """Return the order in a message; arguments and errors as for wire.py."""
    order = wire.read_order(content, _ours(contract), [name for name in needed if name != MODEL])
    channels = {MODEL: Value(_model(content, contract)), **order.channels}
    return replace(order, channels=channels, config=dict(content.config_records.get(CONFIG, {})))


def report_content(report: Report) -> RecordDict:
    """Return a report as Flower records, the record of parameters first, and one record of metrics."""
    content = RecordDict({ARRAYS: _record(report.channels[MODEL], Held)})
    content.update(wire.report_content(replace(report, channels=_but_model(report.channels))))
    del content[NUMBERS]
    content[METRICS] = MetricRecord({METRIC.get(name, name): value for name, value in report.scalars.items()})
    return content


def check(content: RecordDict, contract: Contract) -> None:
    """Raise ContractError unless a report's records are, to the last name, dtype and shape, as agreed."""
    wire.check(_renamed(content, contract), _ours(contract))
    record, form = content.array_records[ARRAYS], _form(contract)
    found = {name: (array.dtype, tuple(array.shape)) for name, array in record.items()}
    if list(found.items()) != list(form.items()):
        raise ContractError(f"record '{ARRAYS}' differs from the contract in names, dtype or shape")


def read_report(content: RecordDict, contract: Contract) -> Report:
    """Return the report in a message that :func:`check` has passed."""
    report = wire.read_report(_renamed(content, contract), _ours(contract))
    return replace(report, channels={MODEL: Value(_model(content, contract)), **report.channels})


def for_strategy(content: RecordDict) -> RecordDict:
    """Return of a checked report what a strategy of Flower's is to see, in arrays that it may write into."""
    record = ArrayRecord(
        {name: Array(array.numpy()) for name, array in content.array_records[ARRAYS].items()}
    )
    return RecordDict({ARRAYS: record, METRICS: content.metric_records[METRICS]})


def arrays_of(tree: Tree) -> ArrayRecord:
    """Return a tree as the arrays that a strategy of Flower's is handed, its own to keep."""
    return _record(Value(tree), Array)


def tree_of(record: ArrayRecord, layout: Layout) -> Tree:
    """Return a strategy's arrays in the dtypes of the model, whatever it computed in.

    Raises:
        ContractError: names or shapes differ from the model's, or a value is NaN or infinite.
    """
    arrays = {name: array.numpy() for name, array in record.items()}
    wanted = {leaf.name: leaf.shape for leaf in layout.leaves}
    if {name: array.shape for name, array in arrays.items()} != wanted:
        raise ContractError("it made other arrays than the model has")
    tree = zeros(layout)
    with np.errstate(over="ignore", invalid="ignore"):
        for name, array in arrays.items():
            tree[name][...] = array
    if not tree.finite:
        raise ContractError("it made NaN or infinite values")
    return tree


def _record(channel: Any, made: Any) -> ArrayRecord:
    record = ArrayRecord()
    for name, array in channel.tree.items():
        # item assignment, because ArrayRecord's constructor would serialise
        record[name] = made(np.asarray(array))
    return record


def _form(contract: Contract) -> Form:
    leaves = contract.channels[MODEL].layout.leaves  # type: ignore[union-attr]
    return {leaf.name: (leaf.dtype, leaf.shape) for leaf in leaves}


def _model(content: RecordDict, contract: Contract) -> Tree:
    if ARRAYS not in content.array_records:
        raise ContractError(f"the message lacks record '{ARRAYS}'")
    arrays = wire.opened(ARRAYS, content.array_records[ARRAYS], _form(contract))
    layout = contract.channels[MODEL].layout  # type: ignore[union-attr]
    return from_arrays({leaf.name: arrays[leaf.name] for leaf in layout.leaves})


def _ours(contract: Contract) -> Contract:
    return replace(contract, channels=_but_model(contract.channels))


def _but_model(channels: Any) -> dict[str, Any]:
    return {name: channel for name, channel in channels.items() if name != MODEL}


def _renamed(content: RecordDict, contract: Contract) -> RecordDict:
    """Return a report's records without the parameters, with its numbers as wire.py knows them."""
    for name, there in ((ARRAYS, content.array_records), (METRICS, content.metric_records)):
        if name not in there or NUMBERS in content:
            raise ContractError(f"the message's records differ from the contract at '{name}'")
    ours = {METRIC.get(name, name): name for name in contract.numbers}
    renamed = {name: record for name, record in content.items() if name not in (ARRAYS, METRICS)}
    metrics = content.metric_records[METRICS].items()
    # an unknown name stays as it is, and is refused for that
    renamed[NUMBERS] = MetricRecord({ours.get(name, f"'{name}'"): value for name, value in metrics})
    return RecordDict(renamed)
