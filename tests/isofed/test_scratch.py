import errno
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import RoundError
from isofed.files import load_state, save_state
from isofed.folding import Term, divided, fold, moved, no_sum
from isofed.ranges import LARGE as RANGES
from isofed.room import LARGE, empty, lent_by
from isofed.scratch import Scratch, filed, in_steps, lies_in_file, past
from isofed.trees import Layout, Tree

SMAPS = Path("/proc/self/smaps")
linux = pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells how much of an array is in memory")


def resident(array: np.ndarray) -> int:
    """Return the bytes in memory of the mapping in which an array begins."""
    at, found = array.__array_interface__["data"][0], False
    for line in SMAPS.read_text().splitlines():
        if bounds := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            found = int(bounds[1], 16) <= at < int(bounds[2], 16)
        elif found and line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("it lies nowhere")


def test_what_is_put_is_shown_one_behind_the_other() -> None:
    scratch = Scratch("it")
    assert [scratch.put(b"12345"), scratch.put(np.arange(3)), scratch.put(b"6", aligned=False)] == [0, 64, 88]
    shown = scratch.shown()
    assert (bytes(shown[:5]), bytes(shown[88:])) == (b"12345", b"6")
    assert np.frombuffer(shown[64:88], np.int64).tolist() == [0, 1, 2]
    assert shown.readonly and len(shown) == scratch.size == 89


def test_what_is_shown_outlives_the_file_and_has_no_name(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    scratch = Scratch("it")
    scratch.put(b"12345")
    shown, array = scratch.shown(), filed(LARGE)
    del scratch
    array[:] = 7
    assert bytes(shown) == b"12345" and (array == 7).all()
    assert list(tmp_path.iterdir()) == []


@linux
def test_an_array_takes_memory_until_it_is_past_and_keeps_its_values() -> None:
    with lent_by(filed):
        array = empty(LARGE // 4, "float32")
    assert lies_in_file(array) and resident(array) == 0
    array[:] = np.arange(len(array))
    assert resident(array) == LARGE
    past(array[: len(array) // 2])
    assert resident(array) == LARGE // 2
    past(array)
    assert resident(array) == 0
    assert (array == np.arange(len(array))).all()


@linux
def test_a_part_within_a_page_takes_its_whole_page_and_no_other_array_is_touched() -> None:
    one, other = filed(LARGE), filed(LARGE)
    one[:], other[:] = 1, 2
    past(one[10:20])
    assert LARGE - 2 * os.sysconf("SC_PAGESIZE") <= resident(one) < LARGE
    assert resident(other) == LARGE and (one == 1).all()


@linux
def test_bytes_in_steps_leave_no_memory_behind() -> None:
    array = filed(2 * LARGE)
    array[:] = np.arange(2 * LARGE) % 251
    whole = array.tobytes()
    assert b"".join(bytes(part) for part in in_steps(array.view(np.float32))) == whole
    assert resident(array) == 0


def test_of_ordinary_arrays_nothing_is_done() -> None:
    for array in (np.arange(9), np.frombuffer(b"12345678"), np.arange(9)[::2], np.empty(0), np.array(3)):
        before = array.copy()
        past(array)
        assert not lies_in_file(array) and np.array_equal(array, before, equal_nan=True)
    assert b"".join(in_steps(np.arange(6.0).reshape(2, 3))) == np.arange(6.0).tobytes()


def test_a_full_disk_is_one_sentence(monkeypatch: Any) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in ("pwrite", "posix_fallocate"):
        monkeypatch.setattr(os, name, full, raising=False)
    told = r"cannot be put into a temporary file \(No space left on device\); name a folder with more room"
    with pytest.raises(RoundError, match=f"what came {told}"):
        Scratch("what came").put(b"1")
    with pytest.raises(RoundError, match=told):
        filed(LARGE)


@linux
def test_sums_over_arrays_in_files_leave_no_memory_behind_and_are_the_same() -> None:
    layout = Layout.of([("w", (RANGES + 7,), "float32")])
    random = np.random.default_rng(0)
    start, *models = (random.random(RANGES + 7, np.float32) for _ in range(3))

    def summed() -> list[np.ndarray]:
        trees = [Tree(layout, {"float32": each}).numpy() for each in (start, *models)]
        total = no_sum(layout)
        for factor, tree in enumerate(trees[1:], 2):
            fold(total, Term(float(factor), tree, trees[0]), begin=factor == 2)
        step = divided(total, 5.0)
        return [
            step.buffers["float32"],
            moved(trees[0], step).buffers["float32"],
            trees[0].buffers["float32"],
        ]

    in_memory = summed()
    with lent_by(filed):
        in_files = summed()
    for ours, theirs in zip(in_files, in_memory, strict=True):
        # a thread may map a few pages of what its neighbour is done with
        assert lies_in_file(ours) and resident(ours) < 4 << 20
        assert ours.tobytes() == theirs.tobytes()


@linux
def test_a_look_at_values_and_a_checkpoint_leave_no_memory_behind(tmp_path: Path) -> None:
    layout = Layout.of([("w", (RANGES,), "float32")])
    with lent_by(filed):
        tree = Tree(layout, {"float32": np.ones(RANGES, np.float32)}).numpy()
    assert tree.finite and resident(tree.buffers["float32"]) < 1 << 20
    save_state(tmp_path / "state", {"a": 1}, {"t": tree})
    assert resident(tree.buffers["float32"]) == 0
    meta, found = load_state(tmp_path / "state", "it")
    assert meta == {"a": 1} and (found["t"].buffers["float32"] == 1).all()  # type: ignore[union-attr]


@linux
def test_who_walks_through_a_file_leaves_nothing_behind_in_memory() -> None:
    """Whatever the system lays into memory beside what is looked at, as where a block begins in a page."""
    scratch, block = Scratch("it"), 1 << 18
    scratch.put(bytes(128))
    for _ in range(4):  # as pieces come
        scratch.put(np.random.default_rng(1).bytes(4 << 20), aligned=False)
    array = np.frombuffer(scratch.shown(), np.uint8)
    for at in range(128, len(array), block):
        array[at : at + block].sum()
        past(array[at : at + block])
    assert resident(array) <= 1 << 16
