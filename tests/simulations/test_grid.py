"""The grid's own queue; what it delivers is tested with the runs."""

import gc
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flwr.app import ArrayRecord, Message, RecordDict

from isofed.protocols.letter import Held
from isofed.simulations import crew as crews
from isofed.simulations import grid as grids
from isofed.simulations.carriage import Writer, Written, read
from isofed.simulations.grid import Call, LocalGrid, Node
from isofed.simulations.pool import Pool
from isofed.simulations.slabs import Slabs


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The nodes whose client app was called, in order; it answers with nothing in it."""
    seen: list[int] = []

    def answer(cfg: str, calls: list[Call], together: int) -> list[tuple[Message, RecordDict]]:
        seen.extend(node.number for node, *_ in calls)
        return [(Message(RecordDict(), reply_to=message), state) for _, state, message in calls]

    monkeypatch.setattr(grids, "answer", answer)
    return seen


def grid(pool: Any) -> LocalGrid:
    """A grid of nodes 2 and 3."""
    return LocalGrid([Node(2, {}), Node(3, {})], "{}", pool)


def messages(*nodes: int) -> list[Message]:
    """An order for each node."""
    return [Message(RecordDict(), node, "train") for node in nodes]


def test_what_an_earlier_push_left_is_not_done_any_more(handled: list[int]) -> None:
    local = grid(Pool(1))
    local.push_messages(messages(2, 3))
    (late,) = local.push_messages(messages(3))
    (reply,) = local.pull_messages([late])
    assert reply.metadata.reply_to_message_id == late
    assert handled == [3]
    assert list(local.pull_messages([late])) == []


def crew(
    monkeypatch: pytest.MonkeyPatch, workers: int = 1
) -> tuple[LocalGrid, list[tuple[Future[Any], Written]]]:
    """A grid over workers that do nothing by themselves, and what they were given."""
    started: list[tuple[Future[Any], Written]] = []

    def submit(job: Any, answer: Any, cfg: str, content: Written, *more: Any) -> Future[Any]:
        started.append((Future(), content))
        return started[-1][0]

    monkeypatch.setattr(crews, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(crews, "AHEAD", 1)
    return grid(SimpleNamespace(workers=workers + 1, submit=submit, events=None, slabs=None)), started


def answered(content: Written) -> tuple[Written, int, int]:
    """What a worker returns of a batch that it answers with empty records."""
    calls = read(content, None)
    replies = [(Message(RecordDict(), reply_to=message), RecordDict()) for *_, message in calls]
    return Writer(None).write(replies), 0, len(calls)


def test_workers_are_told_to_leave_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    local, started = crew(monkeypatch)
    local.push_messages(messages(2, 3))
    under_way, waiting = (future for future, _ in started)
    under_way.set_running_or_notify_cancel()
    (again,) = local.push_messages(messages(2))
    assert waiting.cancelled() and not under_way.cancelled()
    for future, content in (started[0], started[2]):
        future.set_result(answered(content))
    assert [reply.metadata.reply_to_message_id for reply in local.pull_messages([again])] == [again]


def test_what_a_worker_is_still_at_keeps_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    slabs = Slabs()
    local, started = crew(monkeypatch)
    local._pool.slabs = slabs  # type: ignore[misc]
    order = messages(2)[0]
    order.content["arrays"] = ArrayRecord()
    order.content["arrays"]["w"] = Held(np.zeros(5000))  # type: ignore[index]
    local.push_messages([order])
    started[0][0].set_running_or_notify_cancel()
    local.push_messages([])
    gc.collect()
    assert not slabs._free
    started[0][0].set_result(None)
    started.clear()
    gc.collect()
    assert len(slabs._free) == 2  # where it read, and where it wrote


def test_workers_are_but_a_few_messages_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    local, started = crew(monkeypatch)
    pushed = local.push_messages(messages(*[2, 3] * 3))
    found: list[str] = []
    for at in range(len(list(pushed))):
        assert len(started) == min(at + 2, 6)
        started[at][0].set_result(answered(started[at][1]))
        found += [reply.metadata.reply_to_message_id for reply in local.pull_messages(pushed)]
    assert found == list(pushed)


def test_all_that_is_pushed_at_once_is_answered_in_turn(handled: list[int]) -> None:
    replies = list(grid(Pool(1)).send_and_receive(messages(3, 2)))
    assert [reply.metadata.src_node_id for reply in replies] == handled == [3, 2]
