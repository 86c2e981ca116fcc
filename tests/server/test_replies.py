import functools
import gc
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Error, Message, RecordDict
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.protocols.letter import Held
from isofed.server import replies
from isofed.server.replies import Waiting, in_order
from isofed.simulations.grid import identify

identify()


class Scripted:
    """A grid whose replies arrive in groups that the test decides; what is never named never comes."""

    def __init__(self, arrivals: list[list[int]], broken: set[int] = frozenset()) -> None:  # type: ignore[assignment]
        self.arrivals, self.broken = list(arrivals), broken
        self.messages: list[Message] = []
        self.asked: list[set[str]] = []

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        self.messages = list(messages)
        for number, message in enumerate(self.messages):
            message.metadata.__dict__["_message_id"] = f"id{number}"
        return [message.metadata.message_id for message in self.messages]

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        self.asked.append(set(message_ids))
        return [self._reply(number) for number in (self.arrivals.pop(0) if self.arrivals else [])]

    def _reply(self, number: int) -> Message:
        message = self.messages[number]
        if number in self.broken:
            return Message(Error(1, f"broken {number}"), reply_to=message)
        record = ArrayRecord()
        record["float32"] = Held(np.full(100, number, np.float32))
        return Message(RecordDict({"value.model": record}), reply_to=message)


def orders(count: int) -> list[Message]:
    return [Message(RecordDict({"o": ConfigRecord({"n": n})}), n + 2, "train") for n in range(count)]


def collect(grid: Any, count: int, timeout: float = 30.0) -> tuple[list[int | str | None], list[str]]:
    came: list[str] = []
    told = lambda message: came.append(message.metadata.reply_to_message_id)  # noqa: E731
    found: list[int | str | None] = []
    for reply in in_order(grid, orders(count), told, timeout, lambda: None):
        if reply is None:
            found.append(None)
        elif reply.has_error():
            found.append(reply.error.reason)
        else:
            found.append(int(reply.content.array_records["value.model"]["float32"].numpy()[99]))
    return found, came


ARRIVALS = st.permutations(range(6)).flatmap(
    lambda order: st.sets(st.integers(1, 5)).map(
        lambda cuts: [order[a:b] for a, b in zip([0, *sorted(cuts)], [*sorted(cuts), 6], strict=True)]
    )
)


@settings(max_examples=50)
@given(ARRIVALS, st.sampled_from([0, 900, 10**9]), st.integers(0, 3))
def test_whatever_the_arrival_the_order_is_that_of_the_sites(
    arrivals: list[list[int]], bound: int, idle: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replies, "Waiting", functools.partial(Waiting, bound=bound))
        grid = Scripted([[]] * idle + arrivals)
        found, came = collect(grid, 6)
    assert found == list(range(6))
    assert came == [f"id{number}" for group in arrivals for number in group]


def test_only_what_is_missing_is_asked_for() -> None:
    grid = Scripted([[2, 1], [0]])
    collect(grid, 3)
    assert grid.asked == [{"id0", "id1", "id2"}, {"id0"}]


def test_a_reply_is_yielded_before_later_ones_are_pulled() -> None:
    grid = Scripted([[0], [1]])
    stream = in_order(grid, orders(2), lambda _: None, 30.0, lambda: None)  # type: ignore[arg-type]
    next(stream)
    assert len(grid.asked) == 1
    next(stream)
    assert len(grid.asked) == 2


def test_errors_are_replies() -> None:
    assert collect(Scripted([[1], [0, 2]], broken={1}), 3)[0] == [0, "broken 1", 2]


def test_a_reply_that_does_not_come_is_none_and_the_others_count() -> None:
    pauses = []
    grid: Any = Scripted([[2], [0]])
    found = list(in_order(grid, orders(3), lambda _: None, 0.05, lambda: pauses.append(1)))
    assert [reply is None for reply in found] == [False, True, False]
    assert pauses


def test_beyond_the_bound_replies_go_to_disk_and_nothing_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(replies, "Waiting", functools.partial(Waiting, bound=900))
    grid: Any = Scripted([[4, 3, 2, 1], [0]])
    stream = in_order(grid, orders(5), lambda _: None, 30.0, lambda: None)
    assert next(stream) is not None
    # two of 400 bytes fit, the rest waits on disk; the one just yielded came last and found no room
    assert len(list(tmp_path.glob("isofed-replies-*/*"))) == 2
    assert len([reply for reply in stream if reply is not None]) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_round_given_up_leaves_nothing_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(replies, "Waiting", functools.partial(Waiting, bound=0))
    grid: Any = Scripted([[2, 1, 0]])
    stream = in_order(grid, orders(3), lambda _: None, 30.0, lambda: None)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_what_was_taken_makes_room_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    grid: Any = Scripted([[0, 1, 2, 3]])
    grid.push_messages(orders(4))
    waiting = Waiting(bound=900)
    for message in grid.pull_messages(["id0"]):
        key = message.metadata.reply_to_message_id
        waiting.put(key, message)
        assert key in waiting
        assert waiting.take(key) is message and key not in waiting
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("numbers", "sizes"), [(100, [40]), (2 << 20, [32, 8])])
def test_what_is_there_comes_in_runs_and_of_large_ones_only_a_few(numbers: int, sizes: list[int]) -> None:
    waiting, made = Waiting(bound=1 << 40), orders(40)
    for n, message in enumerate(made):
        record = ArrayRecord()
        record["float32"] = Held(np.empty(numbers, np.float32))
        waiting.put(f"id{n}", Message(RecordDict({"value.model": record}), 1, "train"))
        del message
    found, at = list[int](), 0
    while at < len(made):
        found.append(len(waiting.run([f"id{n}" for n in range(at, len(made))])))
        at += found[-1]
    assert found == sizes
