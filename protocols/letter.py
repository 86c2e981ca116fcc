"""What a message holds of ours: channels, fields and numbers, which become records when somebody looks.

Between sites of one machine nobody does: a site reads what was put in. Flower's engines, and whoever changes
a message on its way, find ordinary records.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from isofed.protocols.pieces import cut
from isofed.records import Channel, Table
from isofed.trees import dtype_name, locked

NUMBERS = "numbers"


class Held(Array):
    """A Flower array that keeps its ndarray and serialises only when somebody asks for bytes."""

    def __init__(self, array: np.ndarray) -> None:
        self._held = locked(array)
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

    def slice_array(self) -> list[tuple[str, Any]]:
        """Return the pieces that Flower stores, each with its number; they are made when asked for."""
        if not self._held.flags.c_contiguous:
            return Array(self._held).slice_array()
        if "_cut" not in self.__dict__:
            self.__dict__["_cut"] = cut(self._held)
        return self.__dict__["_cut"]

    def deflate(self) -> bytes:
        """Return what Flower stores of the array, under the class name that every receiver knows."""
        said = Array(self.dtype, self.shape, self.stype, b"")
        said.__dict__["_chunks"] = self.slice_array()
        return said.deflate()

    def __reduce__(self) -> Any:
        return Held, (self._held,)


@dataclass
class Made:
    """What letters share: of a channel that many of them carry, everything is made once."""

    _sent: dict[int, tuple[Channel, Channel]] = field(default_factory=dict)
    _records: dict[int, tuple[Channel, ArrayRecord]] = field(default_factory=dict)

    def sent(self, channel: Channel) -> Channel:
        """Return a channel as it leaves, see :func:`sent`, for several readers: none can write through it."""
        # held on to, because another channel could get the number of one that is gone
        if id(channel) not in self._sent:
            self._sent[id(channel)] = channel, _locked(sent(channel))
        return self._sent[id(channel)][1]

    def record(self, channel: Channel) -> ArrayRecord:
        """Return the record of a channel that leaves."""
        if id(channel) not in self._records:
            self._records[id(channel)] = channel, _record(channel)
        return self._records[id(channel)][1]


class Letter(RecordDict):
    """A message's content that is what the sender put in; looked into, it is a RecordDict like any other.

    From then on the records are what counts, so that a reader sees whatever anybody made of them.

    Args:
        kind: of the letter, and name of the record of fields.
        fields: plain values.
        channels: as :func:`sent` returns them.
        numbers: public numbers, or None for no such record.
        made: what several letters share.
    """

    def __init__(
        self,
        kind: str,
        fields: Mapping[str, Any],
        channels: Mapping[str, Channel],
        numbers: Mapping[str, Any] | None = None,
        made: Made | None = None,
    ) -> None:
        # not RecordDict's own fields: those come with the records
        self.kind, self.fields, self.channels, self.numbers, self.made = kind, fields, channels, numbers, made

    def __reduce__(self) -> Any:
        return Letter, (self.kind, self.fields, self.channels, self.numbers)

    def arrays(self) -> list[np.ndarray]:
        """Return all arrays that are held."""
        found: list[np.ndarray] = []
        for channel in self.channels.values():
            if isinstance(channel, Table):
                found += [channel.values, channel.counts]
            else:
                found += channel.tree.buffers.values()
        return found

    def open(self) -> None:
        """Become the records."""
        records, made = RecordDict(), self.made or Made()
        for name, channel in self.channels.items():
            records[f"{channel.kind}.{name}"] = made.record(channel)
        records[self.kind] = ConfigRecord(dict(self.fields))
        if self.numbers is not None:
            records[NUMBERS] = MetricRecord(dict(self.numbers))
        self.__dict__.clear()
        self.__dict__.update(records.__dict__)
        self.__class__ = RecordDict  # type: ignore[assignment]


def _opening(name: str) -> Any:
    def method(letter: RecordDict, *arguments: Any) -> Any:
        # it may have been opened since this method was taken from it, and be compared to another one
        for each in (letter, *arguments):
            if isinstance(each, Letter):
                each.open()
        return getattr(letter, name)(*arguments)

    return method


LOOKS = (
    *("__getitem__", "__setitem__", "__delitem__", "__iter__", "__len__", "__contains__", "__eq__"),
    *("__repr__", "keys", "values", "items", "copy"),
)
"""All of RecordDict that does not go by way of these."""
for _name in LOOKS:
    setattr(Letter, _name, _opening(_name))


def form_of(channel: Channel) -> Mapping[str, tuple[str, tuple[int, ...]]]:
    """Return dtype and shape of the arrays that carry a channel which :func:`sent` returned, by key."""
    if isinstance(channel, Table):
        return {name: (dtype_name(array), array.shape) for name, array in arrays_of(channel).items()}
    return channel.tree.form


def arrays_of(channel: Channel) -> Mapping[str, np.ndarray]:
    """Return the arrays that carry a channel which :func:`sent` returned, by key."""
    if isinstance(channel, Table):
        return {"values": channel.values, "present": channel.counts.astype(np.uint8)}
    return channel.tree.buffers


def sent(channel: Channel) -> Channel:
    """Return a channel as it leaves: in NumPy, and of a table only which rows there are."""
    if isinstance(channel, Table):
        # how many images stand behind a row is the site's own affair: presence alone leaves
        present = (np.asarray(channel.counts) > 0).astype(np.int64)
        return Table(np.asarray(channel.values, np.float32), present)
    here = all(isinstance(buffer, np.ndarray) for buffer in channel.tree.buffers.values())
    return channel if here else type(channel)(channel.tree.as_numpy())


def _locked(channel: Channel) -> Channel:
    if isinstance(channel, Table):
        return Table(locked(channel.values), channel.counts)
    return type(channel)(channel.tree.locked())


def _record(channel: Channel) -> ArrayRecord:
    record = ArrayRecord()
    for key, array in arrays_of(channel).items():
        # item assignment, because ArrayRecord's constructor would serialise
        record[key] = Held(array)
    return record
