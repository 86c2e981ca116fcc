import time
from collections.abc import Iterator

import pytest

from isofed.protocols import tasks
from isofed.protocols.link import Over
from isofed.protocols.tasks import Tasks, patient


def tokens(*found: str | None) -> Iterator[str | None]:
    """Yield those, and nothing more for ever."""
    yield from found
    while True:
        yield None


def test_a_task_is_taken_once_in_the_order_in_which_it_is_found() -> None:
    queue = Tasks(tokens("one", None, "two"))
    assert [queue.take() for _ in range(4)] == ["one", None, "two", None]


def test_a_newer_task_overtakes_and_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "OVERTAKEN", 0.0)
    queue = Tasks(tokens("one", None, "two"))
    assert queue.take() == "one"
    assert not queue.overtaken()
    assert queue.overtaken() and queue.overtaken()
    assert queue.take() == "two" and queue.take() is None


def test_the_next_task_is_looked_for_now_and_then_alone() -> None:
    queue = Tasks(tokens("one", "two"))
    assert queue.take() == "one"
    # a look costs a request
    assert not any(queue.overtaken() for _ in range(100))


def test_what_is_late_is_waited_for_and_what_was_dropped_is_not() -> None:
    answers = iter([0, 0, 7])
    assert patient(lambda _: next(answers), bool, lambda: False)("?") == 7
    began = time.monotonic()
    with pytest.raises(Over, match="gone on"):
        patient(lambda _: 0, bool, lambda: time.monotonic() - began > 0.05)("?")
