"""Sites that die, come late and send rubbish; what they do with an order is the real client's work."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from faulty_cases import JOINS, LONG, Fault
from faulty_clock import Clock
from faulty_superlink import LATENCY, Copy, SuperLink, carried
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, RecordDict
from flwr.common.constant import ErrorCode

from isofed.client import ledger, opened
from isofed.client.memory import Memory
from isofed.simulations.grid import Node, handle

SIGN = 3.0  # seconds between two signs of life
WORK = 2.0  # seconds that an order takes
SLOW = 40.0
LATE = 26.0  # longer than the server waits for a site that says that it does nothing: it is asked again


AT_ONCE = (
    "dies before it trains",
    "dies and does not return",
    "dies and returns",
    "is away for an evaluation",
)


class Died(BaseException):
    """Stands for SIGKILL at a site: nobody catches it."""


@dataclass
class Site:
    """A SuperNode and its worker.

    Args:
        node: its number, and what it knows of itself.
        cfg: the run's configuration.
        superlink: where its orders come from.
        clock: of the world.
        rng: decides what is left open.
        fault: what goes wrong, once.
    """

    node: Node
    cfg: str
    superlink: SuperLink
    clock: Clock
    rng: np.random.Generator
    fault: Fault | None = None
    up: bool = True
    busy: bool = False
    incarnation: int = 1
    deaths: list[tuple[str, str, float]] = field(default_factory=list)  # kind, version, when
    sent: dict[str, set[str]] = field(default_factory=dict)  # by version, what left: hashes of reports
    _state: RecordDict = field(default_factory=RecordDict)
    _again: Copy | None = None
    _back: float | None = None

    def __post_init__(self) -> None:
        """Be there from the beginning, or later."""
        self.up = self.fault is None or self.fault.kind not in JOINS
        if self.up:
            self._rise()
        else:
            assert self.fault is not None
            self.clock.after(JOINS[self.fault.kind], self._rise)

    @property
    def name(self) -> str:
        """The site's."""
        return str(self.node.config["site"])

    def alive(self) -> dict[str, Any]:
        """Return what a sign of life says."""
        return {"incarnation": str(self.incarnation), "busy": self.busy, "level": "camera"}

    def _rise(self) -> None:
        self.up, self.busy = True, False
        opened._workshop.cache_clear()  # what a process had in memory is gone
        self.superlink.nodes[self.node.number] = self._look
        self._look()

    def _die(self, kind: str, version: str) -> None:
        self.deaths.append((kind, version, self.clock.now))
        self.up, self.incarnation = False, self.incarnation + 1
        if self._back is not None:
            self.clock.after(self._back, self._rise)

    def _look(self) -> None:
        """Take an order, if there is one and nothing else to do; in whatever order they lie there."""
        waiting = self.superlink.waiting.get(self.node.number, [])
        if self.up and not self.busy and waiting:
            copy = waiting.pop(int(self.rng.integers(len(waiting))))
            self._begin(copy)

    def _begin(self, copy: Copy) -> None:
        version, kind = _version(copy.message), self._strikes(copy)
        self.busy = True
        if kind == "forgets what it was asked":
            self.busy = False
            return
        if kind in AT_ONCE:
            self._die(kind, version)
            return
        seconds = {"is slow": SLOW, "is too slow": LONG}.get(kind, WORK)
        self.clock.after(seconds, partial(self._end, copy, kind, self.incarnation))

    def _strikes(self, copy: Copy) -> str:
        """Return what goes wrong with an order, if anything does, which then is done with."""
        fault, message = self.fault, copy.message
        if fault is None or not self._due(fault, message):
            return ""
        if fault.kind == "is asked again in a later round":
            self._again = copy
        self.fault, self._back = None, fault.back
        return fault.kind

    def _due(self, fault: Fault, message: Message) -> bool:
        kind = "evaluate" if fault.where == "evaluator" else "train"
        return message.metadata.message_type == kind and _round(message) >= fault.round

    def _end(self, copy: Copy, kind: str, incarnation: int) -> None:
        if incarnation != self.incarnation:
            return
        message = copy.opened()
        version = _version(message)
        try:
            with dying(kind, self.name):
                reply = self._answered(message)
            if kind == "dies before its reply leaves":
                raise Died
        except Died:
            self._die(kind, version)
            return
        self._leave(copy, reply, kind, version)
        self.busy = False
        self._once_more(copy)
        self._look()

    def _once_more(self, copy: Copy) -> None:
        if self._again is not None and _round(copy.message) > _round(self._again.message):
            self.superlink.waiting.setdefault(self.node.number, []).append(self._again)
            self._again = None

    def _answered(self, message: Message) -> Message:
        reply, self._state = handle(self.cfg, self.node, self._state, message)
        if not reply.has_error():
            reply.content = carried(reply.content)
        return reply

    def _leave(self, copy: Copy, reply: Message, kind: str, version: str) -> None:
        if version and not reply.has_error():
            self.sent.setdefault(version, set()).add(reply.content.object_id)
        late = LATE if kind == "replies into a later round" else LATENCY
        reply = changed(reply, copy, kind)
        self.clock.after(late, partial(self.superlink.answer, copy, reply))
        if kind == "replies twice":
            again = LATENCY + float(self.rng.choice([0.0, 0.5]))
            self.clock.after(again, partial(self.superlink.answer, copy, reply))


def _fields(message: Message) -> Mapping[str, Any]:
    return message.content.config_records["order"]


def _round(message: Message) -> int:
    return int(_fields(message)["round"])


def _version(message: Message) -> str:
    """Return the memory version that an order makes; of a measurement none."""
    fields = _fields(message)
    return f"{fields['round']}.{fields['attempt']}" if message.metadata.message_type == "train" else ""


@contextmanager
def dying(kind: str, site: str) -> Iterator[None]:
    """Let what is done inside be cut short as the fault says."""
    cuts: Mapping[str, tuple[Any, str, Callable[..., Any]]] = {
        "dies before its ledger is written": (ledger, "enter", _dies),
        "dies within its line in the ledger": (ledger, "_write", _half_a_line),
        "dies before its memory is written": (Memory, "commit", _dies),
        "dies while its memory is written": (Memory, "commit", _half_a_memory),
    }
    if kind not in cuts:
        yield
        return
    with patch.object(*cuts[kind][:2], cuts[kind][2]):
        yield


def _dies(*given: Any) -> None:
    raise Died


def _half_a_line(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(text[: len(text) // 2])
    raise Died


def _half_a_memory(memory: Memory, order: Any, report: Any, sections: Any) -> None:
    memory.folder.mkdir(parents=True, exist_ok=True)
    (memory.folder / f".{report.version}.state.{os.getpid()}.partial").write_bytes(b"isofed1\nhalf of")
    raise Died


def changed(reply: Message, copy: Copy, kind: str) -> Message:
    """Return what a site sends instead of its reply."""
    errors = {
        "loses its reply on the way": ErrorCode.REPLY_MESSAGE_UNAVAILABLE,
        "loses its worker": ErrorCode.CLIENT_APP_CRASHED,
    }
    if kind in errors:
        return Message(Error(errors[kind], "lost"), reply_to=copy.opened())
    if kind in SPOILS and not reply.has_error():
        SPOILS[kind](reply.content)
    return reply


def _model(content: RecordDict) -> tuple[str, ArrayRecord]:
    return next((name, record) for name, record in content.array_records.items() if "model" in name)


def _arrays(content: RecordDict, change: Callable[[Array], Array]) -> None:
    name, record = _model(content)
    content[name] = ArrayRecord({key: change(array) for key, array in record.items()})


def _no_array(content: RecordDict) -> None:
    _arrays(content, lambda array: Array(array.dtype, array.shape, array.stype, b"rubbish"))


def _nan(content: RecordDict) -> None:
    floats = any(array.numpy().dtype.kind == "f" for array in _model(content)[1].values())
    if not floats:  # what is quantised knows no NaN; its scale does
        content.metric_records["numbers"]["loss"] = float("nan")
    _arrays(content, lambda a: Array(np.full_like(a.numpy(), np.nan)) if a.numpy().dtype.kind == "f" else a)


def _too_long(content: RecordDict) -> None:
    _arrays(content, lambda array: Array(np.append(array.numpy(), array.numpy()[:1])))


def _unknown(content: RecordDict) -> None:
    content["pictures"] = ArrayRecord({"x": Array(np.zeros(3, np.uint8))})


def _other_attempt(content: RecordDict) -> None:
    fields: Any = dict(content.config_records["report"])
    attempt = fields["attempt"] + 1
    content["report"] = ConfigRecord(
        {**fields, "attempt": attempt, "version": f"{fields['round']}.{attempt}"}
    )


SPOILS: Mapping[str, Callable[[RecordDict], None]] = {
    "sends bytes that are no array": _no_array,
    "sends NaN": _nan,
    "sends wrong shapes": _too_long,
    "sends what was not agreed": _unknown,
    "sends another attempt's reply": _other_attempt,
}
