"""What may leave a site: a closed list, checked before anything does.

A contract is built once, from the level, the task and the recipe. The report is checked against it
by meaning before the privacy pipeline; the bytes are checked against the pipeline's wire form after
it (protocols/wire.py). What is not listed is refused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from isofed.errors import ContractError
from isofed.records import Channel, Report, Table
from isofed.trees import Layout

MOST_STATISTICS = 100_000  # score histograms of ten sensors, 4096 bins for each of two kinds
MOST_ROWS = 1_000_000

Form = Mapping[str, tuple[str, tuple[int | None, ...]]]


@dataclass(frozen=True)
class TreeContract:
    """A channel that carries exactly these names, shapes and dtypes, all finite.

    Where a privacy step rounds, ``held`` is the dtype of the integers that stand for them on the wire.
    """

    kind: str
    layout: Layout
    meaning: str
    held: str = ""

    @cached_property
    def form(self) -> Form:
        """The arrays that carry it: dtype and shape by key."""
        return {dtype: (self.held or dtype, (size,)) for dtype, size in self.layout.sizes.items()}

    def check(self, name: str, channel: Channel) -> None:
        """Raise ContractError unless the channel is what was agreed."""
        if channel.kind != self.kind or isinstance(channel, Table):
            raise ContractError(f"channel '{name}' is a {channel.kind}, but the contract says {self.kind}")
        if channel.tree.layout is not self.layout and channel.tree.layout.digest != self.layout.digest:
            raise ContractError(f"channel '{name}' has {_difference(channel.tree.layout, self.layout)}")
        if not channel.tree.finite:
            raise ContractError(f"channel '{name}' holds NaN or infinite values; lower the learning rate")


@dataclass(frozen=True)
class TableContract:
    """A channel of ``rows`` rows; no image makes up more than 1/``min_count`` of any.

    Where the site alone knows how many rows there are, ``rows`` is None: anything up to ``MOST_ROWS``.
    """

    rows: int | None
    width: int
    min_count: int
    meaning: str
    kind = "table"

    @cached_property
    def form(self) -> Form:
        """The arrays that carry it: dtype and shape by key, None for any number of rows."""
        return {"values": ("float32", (self.rows, self.width)), "present": ("uint8", (self.rows,))}

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Return whether an array of rows has an agreed shape."""
        if len(shape) != 2 or shape[1] != self.width:
            return False
        return shape[0] == self.rows if self.rows is not None else 0 < shape[0] <= MOST_ROWS

    def check(self, name: str, channel: Channel) -> None:
        """Raise ContractError unless every row sent stands for enough images."""
        if not isinstance(channel, Table):
            raise ContractError(f"channel '{name}' is a {channel.kind}, but the contract says table")
        if not self.fits(tuple(channel.values.shape)) or len(channel.counts) != len(channel.values):
            raise ContractError(
                f"channel '{name}' has shape {tuple(channel.values.shape)}, but the contract says "
                f"{(self.rows or 'any', self.width)}"
            )
        values, counts = np.asarray(channel.values), np.asarray(channel.counts)
        if not np.isfinite(values).all():
            raise ContractError(f"channel '{name}' holds NaN or infinite values; lower the learning rate")
        if ((counts != 0) & (counts < self.min_count)).any():
            raise ContractError(
                f"channel '{name}' has a row of which one image makes up more than 1/{self.min_count}"
            )
        if values[counts == 0].any():
            raise ContractError(f"channel '{name}' has a row with values but no images behind it")


@dataclass(frozen=True)
class NumberContract:
    """A public number: its type and range."""

    whole: bool
    low: float
    high: float
    meaning: str

    def check(self, name: str, value: Any) -> None:
        """Raise ContractError unless the number has the type and lies in the range."""
        kind = int if self.whole else float
        if type(value) is not kind or not self.low <= value <= self.high:
            raise ContractError(
                f"number '{name}' is not {'a whole' if self.whole else 'a finite'} number from "
                f"{self.low:g} to {self.high:g}{_of_type(value, kind)}"
            )


def _of_type(value: Any, kind: type) -> str:
    return "" if type(value) is kind else f", as {kind.__name__}, but of type {type(value).__name__}"


@dataclass(frozen=True)
class Contract:
    """Everything that a report may hold, and nothing else."""

    level: str
    channels: Mapping[str, TreeContract | TableContract]
    numbers: Mapping[str, NumberContract]

    @cached_property
    def records(self) -> Mapping[str, Form]:
        """The arrays that carry each channel, by kind and name."""
        return {f"{channel.kind}.{name}": channel.form for name, channel in self.channels.items()}

    def check(self, report: Report) -> None:
        """Raise ContractError unless ``report`` holds exactly what was agreed."""
        _same_names("channel", report.channels, self.channels)
        _same_names("number", report.scalars, self.numbers)
        for name, channel in report.channels.items():
            self.channels[name].check(name, channel)
        if len({len(c.values) for c in report.channels.values() if isinstance(c, Table)}) > 1:
            raise ContractError(
                "the report's tables have different numbers of rows, but a row is one identity"
            )
        for name, value in report.scalars.items():
            self.numbers[name].check(name, value)


def check_statistics(statistics: Mapping[str, Any], names: Iterable[str] | None = None) -> None:
    """Raise ContractError unless these are finite sums, and no more than a benchmark needs.

    An evaluator's answer has no layout to be held against; this bounds what it could carry. A site's, which
    comes from its own samples, has exactly the ``names`` that its task writes down.
    """
    if names is not None:
        _same_names("statistic", statistics, dict.fromkeys(names))
    if len(statistics) > MOST_STATISTICS:
        raise ContractError(
            f"{len(statistics)} statistics are more than the {MOST_STATISTICS} that may leave"
        )
    for name, value in statistics.items():
        NumberContract(False, -1e15, 1e15, "a sum over queries").check(name, value)


def _same_names(what: str, found: Mapping[str, Any], agreed: Mapping[str, Any]) -> None:
    if found.keys() == agreed.keys():
        return
    for name in found:
        if name not in agreed:
            raise ContractError(f"{what} '{name}' is in no contract; allowed: {', '.join(agreed)}")
    for name in agreed:
        if name not in found:
            raise ContractError(f"{what} '{name}' is missing from the report")


def _difference(found: Layout, agreed: Layout) -> str:
    wanted, got = agreed.by_name, found.by_name
    for name in got:
        if name not in wanted:
            return f"an entry '{name}' that is in no contract"
    for name, leaf in wanted.items():
        if name not in got:
            return f"no entry '{name}'"
        if (got[name].shape, got[name].dtype) != (leaf.shape, leaf.dtype):
            other = got[name]
            return f"'{name}' as {other.dtype}{other.shape} instead of {leaf.dtype}{leaf.shape}"
    return "its entries in another order"
