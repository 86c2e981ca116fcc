from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import CheckpointError
from isofed.files import load_state, save_state
from isofed.records import Table
from isofed.server.state import Checkpoints, ServerState
from isofed.strategies.optimisers import sgd
from isofed.trees import Tree, from_arrays

MODEL = from_arrays({"w": np.arange(6, dtype=np.float32).reshape(2, 3)})
BUFFERS = from_arrays({"n": np.array(3), "v": np.ones(2, np.float32)})
STATE = ServerState(
    7,
    {"model": MODEL, "buffers": BUFFERS},
    {"centres": Table(np.ones((2, 3), np.float32), np.array([4, 0]))},
    {"momentum": MODEL.wide().map(lambda b: b / 3)},
    {"cam1": "7.2", "cam2": ""},
    ({"round": 0, "metrics": None}, {"round": 7, "loss": {"cam1": 0.5}}),
)
FIRST = ServerState(0, STATE.trees)


def same(found: Mapping[str, Tree], wanted: Mapping[str, Tree]) -> None:
    assert list(found) == list(wanted)
    for group, tree in wanted.items():
        assert found[group].layout == tree.layout
        for dtype, buffer in tree.buffers.items():
            assert found[group].buffers[dtype].dtype == buffer.dtype
            assert np.array_equal(found[group].buffers[dtype], buffer)


def test_a_state_comes_back_whole(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", "abcd", durable=True)
    checkpoints.save(STATE)
    found = checkpoints.latest(FIRST)
    same(found.trees, STATE.trees)
    same(found.optimiser, STATE.optimiser)
    assert (found.round, found.versions, found.history) == (STATE.round, STATE.versions, STATE.history)
    assert np.array_equal(found.tables["centres"].values, STATE.tables["centres"].values)
    assert np.array_equal(found.tables["centres"].counts, STATE.tables["centres"].counts)


def test_momentum_goes_on_where_it_was(tmp_path: Path) -> None:
    optimiser, direction = sgd(0.5, 0.9), MODEL.wide().map(lambda b: np.sin(b))
    _, state = optimiser.step(direction, optimiser.init(MODEL.layout), 1)
    checkpoints = Checkpoints(tmp_path, "abcd")
    checkpoints.save(replace(STATE, optimiser=state))
    undisturbed, _ = optimiser.step(direction, state, 2)
    resumed, _ = optimiser.step(direction, checkpoints.latest(FIRST).optimiser, 2)
    assert np.array_equal(undisturbed["w"], resumed["w"])


def test_where_nothing_is_committed_the_first_state_begins(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none", "abcd").latest(FIRST) is FIRST
    (tmp_path / ".round_000001.ckpt.99.partial").write_bytes(b"half")
    assert Checkpoints(tmp_path, "abcd").latest(FIRST) is FIRST


def test_the_newest_wins(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "abcd")
    for number in (2, 10, 9):
        checkpoints.save(replace(STATE, round=number))
    assert checkpoints.latest(FIRST).round == 10
    assert len(list(tmp_path.glob("*.ckpt"))) == 3


def test_another_configuration_is_refused(tmp_path: Path) -> None:
    Checkpoints(tmp_path, "abcd").save(STATE)
    with pytest.raises(
        CheckpointError, match=r"round_000007\.ckpt belongs to configuration abcd, but this run is ef"
    ):
        Checkpoints(tmp_path, "ef").latest(FIRST)


@pytest.mark.parametrize(
    "trees",
    [
        {"model": from_arrays({"w": np.zeros((3, 2), np.float32)}), "buffers": BUFFERS},
        {"model": MODEL, "buffers": from_arrays({})},
        {"model": MODEL, "buffers": BUFFERS, "more": MODEL},
    ],
    ids=["model", "buffers", "a further group"],
)
def test_another_model_is_refused(tmp_path: Path, trees: Any) -> None:
    checkpoints = Checkpoints(tmp_path, "abcd")
    checkpoints.save(STATE)
    with pytest.raises(CheckpointError, match=r"round_000007\.ckpt holds another model than this run's"):
        checkpoints.latest(ServerState(0, trees))


@pytest.mark.parametrize("keep", [0, 30, -1])
def test_a_damaged_checkpoint_is_refused_not_skipped(tmp_path: Path, keep: int) -> None:
    checkpoints = Checkpoints(tmp_path, "abcd")
    checkpoints.save(replace(STATE, round=6))
    checkpoints.save(STATE)
    path = tmp_path / "round_000007.ckpt"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"the checkpoint round_000007\.ckpt is"):
        checkpoints.latest(FIRST)


def test_an_attempt_goes_on_after_a_crash_and_is_followed_by_another_after_a_failure(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints", "d")
    assert checkpoints.attempt(1) == 1
    checkpoints.note_attempt(1, 1)
    assert checkpoints.attempt(1) == 1
    checkpoints.note_attempt(1, 1, failed=True)
    assert checkpoints.attempt(1) == 2
    checkpoints.note_attempt(1, 2)
    assert checkpoints.attempt(1) == 2
    assert checkpoints.attempt(2) == 1
    # the next round may begin before this one is committed
    checkpoints.note_attempt(2, 1)
    checkpoints.note_attempt(2, 1, failed=True)
    assert (checkpoints.attempt(1), checkpoints.attempt(2), checkpoints.attempt(3)) == (2, 2, 1)
    checkpoints.note_attempt(3, 1)
    assert (checkpoints.attempt(1), checkpoints.attempt(2)) == (1, 2)


def _entry(number: int) -> dict[str, Any]:
    return {"round": number, "loss": {"cam1": 1 / (number + 3)}}


def test_a_checkpoint_does_not_grow_with_the_rounds_and_finds_all_of_them(tmp_path: Path) -> None:
    checkpoints, history = Checkpoints(tmp_path, "abcd"), tuple(_entry(number) for number in range(200))
    for number in (100, 101, 102, 199):
        checkpoints.save(replace(STATE, round=number, history=history[: number + 1]))
    sizes = {path.stat().st_size for path in tmp_path.glob("*.ckpt")}
    assert max(sizes) - min(sizes) < 50
    assert checkpoints.latest(FIRST).history == Checkpoints(tmp_path, "abcd").latest(FIRST).history == history


def test_what_a_killed_run_wrote_behind_a_checkpoint_is_not_read_and_is_written_anew(tmp_path: Path) -> None:
    history = tuple(_entry(number) for number in range(5))
    Checkpoints(tmp_path, "abcd").save(replace(STATE, round=3, history=history[:4]))
    journal = tmp_path / "history.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"round": 3, "lo')
    found = Checkpoints(tmp_path, "abcd").latest(FIRST)
    assert found.history == history[:4]
    again = Checkpoints(tmp_path, "abcd")
    again.save(replace(found, round=4, history=(*found.history, history[4])))
    assert again.latest(FIRST).history == history and journal.read_bytes().count(b"\n") == 4


def test_a_run_that_is_taken_up_earlier_goes_on_with_other_rounds(tmp_path: Path) -> None:
    checkpoints, history = Checkpoints(tmp_path, "abcd"), tuple(_entry(number) for number in range(4))
    for number in range(4):
        checkpoints.save(replace(STATE, round=number, history=history[: number + 1]))
    for number in (2, 3):
        (tmp_path / f"round_{number:06d}.ckpt").unlink()
    found, other = checkpoints.latest(FIRST), {"round": 2, "loss": {}}
    assert found.history == history[:2]
    checkpoints.save(replace(found, round=2, history=(*found.history, other)))
    assert checkpoints.latest(FIRST).history == (*history[:2], other)


def test_an_entry_that_is_amended_is_read_as_amended(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "abcd")
    amended = (STATE.history[0], {**STATE.history[1], "metrics": {"mean": 1.0}})
    checkpoints.save(STATE)
    checkpoints.save(replace(STATE, history=amended))
    assert checkpoints.latest(FIRST).history == amended
    checkpoints.save(replace(STATE, round=8, history=(*amended, _entry(8))))
    assert checkpoints.latest(FIRST).history == (*amended, _entry(8))


@pytest.mark.parametrize("damage", ["missing", "short", "altered"])
def test_rounds_that_are_damaged_are_refused(tmp_path: Path, damage: str) -> None:
    Checkpoints(tmp_path, "abcd").save(STATE)
    journal = tmp_path / "history.jsonl"
    content = journal.read_bytes()
    journal.unlink()
    if damage != "missing":
        journal.write_bytes(content[:-2] if damage == "short" else content.replace(b"0", b"1"))
    with pytest.raises(CheckpointError, match=r"history\.jsonl is missing, cut short or altered"):
        Checkpoints(tmp_path, "abcd").latest(FIRST)


def test_after_a_write_that_failed_the_rounds_are_written_from_the_start(tmp_path: Path) -> None:
    checkpoints, history = Checkpoints(tmp_path, "abcd"), tuple(_entry(number) for number in range(4))
    checkpoints.save(replace(STATE, round=1, history=history[:2]))
    journal = tmp_path / "history.jsonl"
    whole = journal.read_bytes()
    journal.unlink()
    journal.mkdir()  # nothing can be appended
    with pytest.raises(OSError, match="history"):
        checkpoints.save(replace(STATE, round=2, history=history[:3]))
    journal.rmdir()
    journal.write_bytes(whole + b"half a li")
    checkpoints.save(replace(STATE, round=3, history=history))
    assert checkpoints.latest(FIRST).history == history


def test_an_older_checkpoint_that_holds_its_rounds_itself_is_read(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "abcd")
    checkpoints.save(STATE)
    path = tmp_path / "round_000007.ckpt"
    meta, arrays = load_state(path, "a checkpoint")
    del meta["before"]
    save_state(path, meta | {"history": list(STATE.history)}, arrays)
    (tmp_path / "history.jsonl").unlink()
    assert checkpoints.latest(FIRST).history == STATE.history
