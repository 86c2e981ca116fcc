"""The grid's own queue; what it delivers is tested with the runs."""

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from flwr.app import Message, RecordDict

from isofed.simulations import grid as grids
from isofed.simulations.grid import LocalGrid, Node
from isofed.simulations.pool import Pool


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The nodes whose client app was called, in order; it answers with nothing in it."""
    seen: list[int] = []

    def answer(cfg: str, node: Node, state: RecordDict, message: Message) -> tuple[Message, RecordDict]:
        seen.append(node.number)
        return Message(RecordDict(), reply_to=message), state

    monkeypatch.setattr(grids, "handle", answer)
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


def test_workers_are_told_to_leave_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Future[Any], Message]] = []

    def submit(job: Any, cfg: str, node: Node, state: RecordDict, message: Message) -> Future[Any]:
        started.append((Future(), message))
        return started[-1][0]

    monkeypatch.setattr(grids, "WAIT_SECONDS", 0.0)
    local = grid(SimpleNamespace(workers=2, submit=submit, events=None))
    local.push_messages(messages(2, 3))
    under_way, waiting = (future for future, _ in started)
    under_way.set_running_or_notify_cancel()
    (again,) = local.push_messages(messages(2))
    assert waiting.cancelled() and not under_way.cancelled()
    for future, message in (started[0], started[2]):
        future.set_result((Message(RecordDict(), reply_to=message), RecordDict()))
    assert [reply.metadata.reply_to_message_id for reply in local.pull_messages([again])] == [again]


def test_all_that_is_pushed_at_once_is_answered_in_turn(handled: list[int]) -> None:
    replies = list(grid(Pool(1)).send_and_receive(messages(3, 2)))
    assert [reply.metadata.src_node_id for reply in replies] == handled == [3, 2]
