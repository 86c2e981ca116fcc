from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.client.memory import Memory, version_of
from isofed.errors import CheckpointError
from isofed.records import Delta, Order, Report, Table, Value
from isofed.trees import from_arrays

MODEL = from_arrays({"w": np.arange(3, dtype=np.float32), "n": np.array(4)})
CENTRES = Table(np.ones((2, 3), np.float32), np.array([17, 0]))


def order(round: int = 1, attempt: int = 1, base: str = "", **more: Any) -> Order:
    return replace(Order("run", round, attempt, base, "abcd", {}), **more)


def report(asked: Order, scale: float = 1.0) -> Report:
    tree = from_arrays({"w": np.full(3, scale * asked.round, np.float32)})
    channels = {"model": Value(MODEL), "change": Delta(tree), "centres": CENTRES}
    numbers = {"examples": 5, "steps": 2, "loss": 0.25 * asked.attempt}
    return Report(asked.round, asked.attempt, version_of(asked), channels, numbers)


def answer(memory: Memory, asked: Order) -> Report:
    given = report(asked)
    memory.commit(asked, given, {"optimiser": MODEL, "seen": np.array([asked.round, asked.attempt])})
    return given


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_before_the_first_round_there_is_nothing(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory")
    assert memory.load("") == {} and memory.stored(order()) is None


def test_sections_come_back(tmp_path: Path) -> None:
    memory = Memory(tmp_path, durable=True)
    answer(memory, order(3, 2))
    found = memory.load("3.2")
    assert set(found) == {"optimiser", "seen"}
    assert np.array_equal(found["seen"], [3, 2]) and np.array_equal(found["optimiser"]["w"], MODEL["w"])


def test_the_same_attempt_gets_the_same_report(tmp_path: Path) -> None:
    given = answer(Memory(tmp_path), order(3, 2))
    again = Memory(tmp_path).stored(order(3, 2))
    assert again is not None
    assert (again.round, again.attempt, again.version) == (3, 2, "3.2")
    assert again.scalars == given.scalars and {k: type(v) for k, v in again.scalars.items()} == {
        k: type(v) for k, v in given.scalars.items()
    }
    assert [(n, c.kind) for n, c in again.channels.items()] == [
        (n, c.kind) for n, c in given.channels.items()
    ]
    for name in ("model", "change"):
        here, there = again.channels[name].tree, given.channels[name].tree  # type: ignore[union-attr]
        assert here.layout == there.layout
        assert all(np.array_equal(here[leaf], there[leaf]) for leaf in there)
    assert np.array_equal(again.channels["centres"].counts, CENTRES.counts)  # type: ignore[union-attr]
    assert np.array_equal(again.channels["centres"].values, CENTRES.values)  # type: ignore[union-attr]


def test_another_attempt_is_answered_anew(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    answer(memory, order(3, 1))
    assert memory.stored(order(3, 2)) is None and memory.stored(order(4, 1)) is None


@pytest.mark.parametrize("late", [order(2, 1), order(3, 1), order(3, 2, "2.1")], ids=str)
def test_an_order_that_comes_after_a_later_one_is_refused_and_nothing_is_forgotten(
    late: Order, tmp_path: Path
) -> None:
    memory = Memory(tmp_path)
    for asked in (order(3, 2, "2.1"), order(10, 1, "3.2")):
        answer(memory, asked)
    kept = names(tmp_path)
    with pytest.raises(CheckpointError, match=r"followed one for round 10, attempt 1; go on from"):
        memory.stored(late)
    assert names(tmp_path) == kept == {"3.2.state", "10.1.state"}
    assert memory.stored(order(10, 1, "3.2")) is not None


@pytest.mark.parametrize(
    "change", [{"base": "2.2"}, {"run": "other"}, {"digest": "ef"}], ids=lambda c: next(iter(c))
)
def test_an_attempt_answered_for_something_else_is_refused(tmp_path: Path, change: dict[str, str]) -> None:
    memory = Memory(tmp_path)
    answer(memory, order(2, 1, ""))
    answer(memory, order(3, 1, "2.1"))
    assert memory.stored(order(3, 1, "2.1")) is not None
    kept = names(tmp_path)
    assert kept == {"2.1.state", "3.1.state"}
    with pytest.raises(
        CheckpointError, match="round 3, attempt 1 was already answered for another run or from"
    ):
        memory.stored(order(3, 1, **{"base": "2.1", **change}))
    # the right server may still name what was there
    assert names(tmp_path) == kept


def test_exactly_the_two_newest_stay(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    answer(memory, order(1, 1, ""))
    assert names(tmp_path) == {"1.1.state"}
    answer(memory, order(2, 1, "1.1"))
    assert names(tmp_path) == {"1.1.state", "2.1.state"}
    # the server did not count 2.1: a new attempt starts from the committed version again
    answer(memory, order(2, 2, "1.1"))
    assert names(tmp_path) == {"1.1.state", "2.2.state"}
    answer(memory, order(3, 1, "2.2"))
    assert names(tmp_path) == {"2.2.state", "3.1.state"}


def test_what_a_crash_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".1.1.state.99.partial").write_bytes(b"half")
    answer(Memory(tmp_path), order(1, 1))
    assert names(tmp_path) == {"1.1.state"}


def test_a_missing_version_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"^this site's memory version 4\.1 cannot be read \(No such file"
    ):
        Memory(tmp_path).load("4.1")


def test_a_damaged_version_is_refused(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    answer(memory, order(1, 1))
    path = tmp_path / "1.1.state"
    path.write_bytes(path.read_bytes()[:-1])
    for read in (lambda: memory.load("1.1"), lambda: memory.stored(order(1, 1))):
        with pytest.raises(CheckpointError, match=r"memory version 1\.1 is damaged"):
            read()


def test_a_simulated_site_keeps_sections_and_no_report(tmp_path: Path) -> None:
    memory = Memory(tmp_path, answers=False)
    answer(memory, order())
    assert set(memory.load("1.1")) == {"optimiser", "seen"}
    assert memory.stored(order()) is None
    assert Memory(tmp_path).load("1.1")["seen"].tolist() == [1, 1]


def test_where_nothing_is_remembered_there_are_no_files(tmp_path: Path) -> None:
    memory = Memory(tmp_path, sections=False, answers=False)
    asked = order()
    memory.commit(asked, report(asked), {})
    assert names(tmp_path) == set() and memory.load("1.1") == {}
