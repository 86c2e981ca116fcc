"""The same bytes whatever is drawn before, in which order, by whom, and after whatever kill."""

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.roi import render_roi
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.sensors import Sensor, preset
from isofed.tasks.vein.drawing.stream import stream
from isofed.tasks.vein.drawing.writer import (
    FOLDERS,
    ROIS,
    TOP,
    Drawing,
    sample_files,
    write_finger,
    write_fingers,
)
from tests.pace import LONG

KILLED = Drawing(fingers=8, samples=10, workers=2)
WRITE = """
import sys
from pathlib import Path
from isofed.tasks.vein.drawing.writer import Drawing, write_fingers

if __name__ == "__main__":
    write_fingers(Path(sys.argv[1]), 5, Drawing(*map(int, sys.argv[2:4]), workers=int(sys.argv[4])))
"""


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of a tree, and its empty folders."""
    paths = [path for path in root.rglob("*") if path.is_file() or not any(path.iterdir())]
    return {p.relative_to(root).as_posix(): p.read_bytes() if p.is_file() else b"/" for p in paths}


def digest(seed: int, finger: int, number: int, sensor: Sensor) -> str:
    """Return the hash of all files of one picture, its finger made anew."""
    files = sample_files(identity(seed, finger, sensor), variation(seed, finger, number), sensor, "a")
    return hashlib.blake2b(b"".join(data for _, data in files)).hexdigest()


@pytest.mark.slow
def test_neither_order_nor_company_changes_a_byte() -> None:
    jobs = [(7, finger, number) for finger in (0, 3) for number in (1, 25, 48, 77)]
    first = {job: digest(*job, Sensor()) for job in jobs}
    shuffled = [jobs[at] for at in np.random.default_rng(0).permutation(len(jobs))]
    np.random.default_rng(1).random(1000)
    assert {job: digest(*job, Sensor()) for job in shuffled} == first
    assert len(set(first.values())) == len(jobs)
    # one finger that is kept gives what fingers made anew give
    kept = identity(7, 3)
    files = sample_files(kept, variation(7, 3, 77), Sensor(), "a")
    assert hashlib.blake2b(b"".join(data for _, data in files)).hexdigest() == first[7, 3, 77]


def backwards(work: Callable[[int], int], numbers: Iterable[int]) -> list[int]:
    """Do the last finger first."""
    return [work(number) for number in reversed(list(numbers))]


def test_fingers_drawn_backwards_give_the_same_tree(tmp_path: Path) -> None:
    options = Drawing(fingers=3, samples=2)
    write_fingers(tmp_path / "there", 5, options)
    write_fingers(tmp_path / "back", 5, options, spread=backwards)
    assert contents(tmp_path / "there") == contents(tmp_path / "back")


@pytest.mark.parametrize("sensor", ["fingerveinsyn", "sdumla_like"])
def test_the_stream_gives_what_files_hold(tmp_path: Path, sensor: str) -> None:
    options = Drawing(fingers=2, samples=100, first=3, sensor=sensor, parts="rois")
    numbers = (2, 28, 44, 99)
    streamed = list(stream(5, (4, 3), numbers, preset(sensor)))
    for finger in (3, 4):
        write_finger(tmp_path, 5, options, finger)
        folder = tmp_path / ROIS / f"{finger + 1:05d}"
        found = {int(path.name.split("_")[1]): np.asarray(Image.open(path)) for path in folder.iterdir()}
        assert sorted(found) == list(range(1, 101))
        (drawn,) = (each for each in streamed if each.finger == finger)
        for number, pixels in zip(drawn.samples.tolist(), drawn.pixels, strict=True):
            assert np.array_equal(found[number], pixels)


def test_a_roi_cut_from_a_written_picture_is_the_streamed_one_up_to_its_noise() -> None:
    finger = identity(5, 3)
    for number in (2, 13, 28, 44, 99):
        files = dict(sample_files(finger, variation(5, 3, number), Sensor(), "a"))
        cut = np.asarray(Image.open(io.BytesIO(files[f"{ROIS}/a.png"]))).astype(float)
        drawn = render_roi(finger, variation(5, 3, number)).astype(float)
        assert np.corrcoef(cut.ravel(), drawn.ravel())[0, 1] > 0.98
        assert np.abs(cut - drawn).mean() < 2.0


def test_a_run_killed_while_it_wrote_its_mark_begins_anew(tmp_path: Path) -> None:
    options = Drawing(fingers=1, samples=1)
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "synthetic.json").write_text("")
    write_fingers(tmp_path / "out", 5, options)
    write_fingers(tmp_path / "other", 5, options)
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_a_run_killed_after_the_last_folder_leaves_no_empty_one(tmp_path: Path) -> None:
    options = Drawing(fingers=1, samples=1)
    write_finger(tmp_path, 5, options, 0)
    before = contents(tmp_path)
    (tmp_path / ".00001.partial").mkdir()
    write_finger(tmp_path, 5, options, 0)
    assert contents(tmp_path) == before


def started(out: Path, options: Drawing, script: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Start a process that writes a tree."""
    script.write_text(WRITE)
    numbers = [str(n) for n in (options.fingers, options.samples, options.workers)]
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(script), str(out), *numbers],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.slow
def test_another_process_with_other_hashes_and_threads_writes_the_same_bytes(tmp_path: Path) -> None:
    options = Drawing(fingers=2, samples=9)
    write_fingers(tmp_path / "here", 5, options)
    there = started(tmp_path / "there", options, tmp_path / "go.py", PYTHONHASHSEED="7", OMP_NUM_THREADS="2")
    assert there.wait(LONG) == 0
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


@pytest.mark.slow
def test_a_run_that_is_killed_half_way_goes_on_to_the_same_tree(tmp_path: Path) -> None:
    out = tmp_path / "out"
    begun = tmp_path / "out.partial" / TOP
    for whole in (1, 3):
        run = started(out, KILLED, tmp_path / "go.py")
        deadline = time.monotonic() + LONG
        while len(finished(begun)) < whole and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        assert len(finished(begun)) >= whole and not out.exists()
        # what has its place is whole
        for name in finished(begun):
            assert all(len(list((begun / folder / name).iterdir())) == KILLED.samples for folder in FOLDERS)
    write_fingers(out, 5, KILLED)
    write_fingers(tmp_path / "at_once", 5, replace(KILLED, workers=1))
    assert contents(out) == contents(tmp_path / "at_once")
    assert not begun.exists()


def finished(begun: Path) -> list[str]:
    """Return the fingers that are whole."""
    folder = begun / FOLDERS[-1]
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
