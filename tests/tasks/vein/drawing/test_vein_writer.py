import io
import multiprocessing
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import ConfigError, DataError
from isofed.tasks.vein.drawing import writer
from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.notes import annotation, note
from isofed.tasks.vein.drawing.render import render
from isofed.tasks.vein.drawing.schedule import variation
from isofed.tasks.vein.drawing.variations import flags
from isofed.tasks.vein.drawing.writer import FOLDERS, TOP, Drawing, write_finger, write_fingers
from isofed.tasks.vein.layouts.annotation import parse
from isofed.tasks.vein.layouts.databases import FINGERVEINSYN
from isofed.tasks.vein.layouts.read import open_fingers

SMALL = Drawing(fingers=2, samples=4)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small tree."""
    out = tmp_path_factory.mktemp("made") / "tree"
    write_fingers(out, 5, SMALL)
    return out


def contents(root: Path) -> dict[str, bytes]:
    """Return every file of a tree."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_check_12_a_finger_s_hundred_files_of_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # names and order only: drawing is told apart below
    monkeypatch.setattr(writer, "sample_files", fake)
    write_finger(tmp_path, 0, Drawing(samples=100), 0)
    for folder in FOLDERS:
        stems = sorted(path.stem for path in (tmp_path / folder / "00001").iterdir())
        assert stems == [f"00001_{n:03d}_{variation(0, 0, n).kind}" for n in range(1, 101)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FOLDERS)


def fake(finger: object, taken: object, sensor: object, stem: str) -> list[tuple[str, bytes]]:
    """Return empty files of the right names."""
    return [(f"{folder}/{stem}.{'xml' if folder == 'annotations' else 'png'}", b"") for folder in FOLDERS]


def test_the_files_are_those_of_the_samples(tree: Path) -> None:
    finger, stem = identity(5, 1), "00002_038_MotionBlur"
    taken = render(finger, variation(5, 1, 38))

    def read(folder: str) -> np.ndarray:
        return np.asarray(
            Image.open(io.BytesIO((tree / TOP / folder / "00002" / f"{stem}.png").read_bytes()))
        )

    assert np.array_equal(read("raw_images"), taken.image)
    assert np.array_equal(read("shape_masks"), taken.shape)
    assert np.array_equal(read("pattern_masks"), taken.vein)
    assert read("roi_images").shape == (100, 300)
    assert set(np.unique(taken.vein)) == set(np.unique(taken.shape)) == {0, 255}


def test_check_12_an_annotation_says_what_was_drawn() -> None:
    finger = identity(5, 0)
    for number in (1, 8, 17, 22, 26, 33, 38, 43, 48, 55, 60, 70):
        taken = render(finger, variation(5, 0, number))
        text = note(finger, taken, "a.png")
        read, said = parse(text), annotation(taken)
        assert read.flags == flags(taken.variation)
        assert read.center == pytest.approx(said.center, abs=0.006)
        assert read.size == pytest.approx(said.size, abs=0.006)
        assert np.array(read.joints) == pytest.approx(taken.joints, abs=0.006)
        assert (read.angle, read.roll) == pytest.approx((taken.angle, taken.variation.roll), abs=0.006)
        assert (read.scale == 0) == (taken.variation.pose.scale == 1)
        x0, y0, x1, y1 = taken.box
        assert 0 <= x0 < x1 <= 599 and 0 <= y0 < y1 <= 299
        assert b'<identity seed="5" finger="0" />' in text and text.count(b"<corner ") == 4
        assert text.count(b"<extra>") == text.count(b"</image>") == 1


def test_the_reader_reads_the_tree(tree: Path) -> None:
    fingers = open_fingers(tree, FINGERVEINSYN)
    assert fingers.pixels.shape == (8, 100, 300)
    assert np.array_equal(open_fingers(tree, FINGERVEINSYN, part="roi").pixels, fingers.pixels)


@pytest.mark.slow
def test_check_10_workers_and_what_else_is_drawn_change_no_byte(tree: Path, tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        write_fingers(tmp_path / "two", 5, SMALL, pool.imap)
    assert contents(tmp_path / "two") == contents(tree)
    write_fingers(tmp_path / "second", 5, Drawing(fingers=1, samples=4, first=1))
    alone = {name: data for name, data in contents(tmp_path / "second").items() if "/00002/" in name}
    assert alone == {name: data for name, data in contents(tree).items() if "/00002/" in name}


@pytest.mark.slow
def test_check_10_its_own_workers_change_no_byte(tree: Path, tmp_path: Path) -> None:
    write_fingers(tmp_path / "own", 5, Drawing(fingers=2, samples=4, workers=2))
    assert contents(tmp_path / "own") == contents(tree)


def test_a_killed_run_goes_on(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = writer.sample_files, []

    def dying(*arguments: object) -> object:
        calls.append(1)
        if len(calls) > 6:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(writer, "sample_files", dying)
    with pytest.raises(KeyboardInterrupt):
        write_fingers(tmp_path / "out", 5, SMALL)
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(writer, "sample_files", real)
    drawn: list[int] = []
    monkeypatch.setattr(
        writer, "identity", lambda seed, n, sensor: drawn.append(n) or identity(seed, n, sensor)
    )
    told: list[tuple[int, int]] = []
    write_fingers(tmp_path / "out", 5, SMALL, progress=lambda done, total: told.append((done, total)))
    assert drawn == [1]
    assert told == [(4, 8), (8, 8)]
    assert contents(tmp_path / "out") == contents(tree)


def test_a_finger_killed_between_its_folders_is_drawn_again(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / TOP, tmp_path / TOP)
    shutil.rmtree(tmp_path / TOP / "annotations" / "00001")
    (tmp_path / TOP / ".00001.partial" / "raw_images").mkdir(parents=True)
    write_finger(tmp_path / TOP, 5, SMALL, 0)
    assert contents(tmp_path / TOP) == contents(tree / TOP)
    assert not (tmp_path / TOP / ".00001.partial").exists()


def test_a_whole_tree_is_left_alone(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "write_finger", None)
    told: list[tuple[int, int]] = []
    write_fingers(tree, 5, SMALL, progress=lambda done, total: told.append((done, total)))
    assert told == [(8, 8)]


def test_another_seed_replaces_a_tree_of_ours(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_fingers(tmp_path / "out", seed, Drawing(fingers=1, samples=1, parts="rois"))
    write_fingers(tmp_path / "two", 2, Drawing(fingers=1, samples=1, parts="rois"))
    assert contents(tmp_path / "out") == contents(tmp_path / "two")


def test_a_folder_of_somebody_else_s_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DataError, match="was not made by isofed"):
        write_fingers(tmp_path, 0, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fingers": 0}, "'fingers' is 0"),
        ({"samples": 1000}, "'samples' is 1000"),
        ({"first": 99_999}, "'first' is 99999"),
        ({"workers": 0}, "'workers' is 0"),
        ({"sensor": "fingerveinsin"}, "fingerveinsyn"),
        ({"parts": "masks"}, "'parts' is 'masks', but must be one of all, rois"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        Drawing(**options)  # type: ignore[arg-type]
