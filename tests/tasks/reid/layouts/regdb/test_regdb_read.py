import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.layouts import reading
from isofed.tasks.reid.layouts.regdb import read
from isofed.tasks.reid.layouts.regdb.read import (
    CAMERAS,
    SPLITS,
    Entry,
    image_files,
    open_camera,
    open_regdb,
    open_tests,
    people,
)
from isofed.tasks.reid.layouts.regdb.write import Folder, Split, write_regdb

# split 1 trains on 4 and 2, in this order: label 0 is folder 4
FIRST, REST = Split((4, 2), (1, 3)), Split((1, 2), (3, 4))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree of four persons, two images each, the camera and person as brightness."""
    folders = [
        Folder(camera, person, encode(np.full((2, 8, 4), 50 * camera.number + person, np.uint8), "BMP"))
        for camera in CAMERAS
        for person in (1, 2, 3, 4)
    ]
    write_regdb(tmp_path / "regdb", folders, (FIRST,) + (REST,) * 9, {})
    return tmp_path / "regdb"


def test_labels_are_the_lists_and_folders_are_people(root: Path) -> None:
    lists = open_camera(root, 2, 1)
    assert people(lists.train) == {0: 4, 1: 2} and people(lists.test) == {0: 1, 1: 3}
    assert people(open_camera(root, 2, 10).train) == {0: 1, 1: 2}
    assert lists.train[0] == Entry("Thermal/4/drawn_t_00001_4.bmp", 4, 0)
    files = image_files(root, lists.camera, lists.train)
    assert [(file.id, file.camera, file.path.parent.name) for file in files] == [
        (0, 2, "4"),
        (0, 2, "4"),
        (1, 2, "2"),
        (1, 2, "2"),
    ]
    assert all(file.path.is_file() for file in files)


def test_lines_come_in_any_order_and_with_the_ends_of_any_system(root: Path) -> None:
    path = root / "idx" / "train_visible_1.txt"
    lines = path.read_text().splitlines()
    path.write_bytes("\r\n".join([*reversed(lines), "", ""]).encode())
    assert people(open_camera(root, 1, 1).train) == {0: 4, 1: 2}


def test_the_whole_tree_has_ten_splits(root: Path) -> None:
    splits = open_regdb(root)
    assert len(splits) == len(SPLITS) == 10
    assert [lists.camera.modality for lists in splits[0]] == ["visible", "thermal"]
    assert people(splits[0][0].train) != people(splits[1][0].train)


def test_a_camera_opens_its_own_folder_lists_and_split(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    text = reading.read_text
    monkeypatch.setattr(
        read, "read_text", lambda root, name, *rest: opened.append(name) or text(root, name, *rest)
    )
    open_camera(root, 2, 3)
    assert opened == ["idx/train_thermal_3.txt", "idx/test_thermal_3.txt"]

    shutil.rmtree(root / "Visible")
    for path in (root / "idx").iterdir():
        if path.name not in ("train_thermal_3.txt", "test_thermal_3.txt"):
            path.unlink()
    for person in (3, 4):  # to test on in split 3
        shutil.rmtree(root / "Thermal" / str(person))
    assert len(open_camera(root, 2, 3).train) == 4


def test_the_evaluator_needs_no_image_of_a_training_person(root: Path) -> None:
    for camera in CAMERAS:
        for person in FIRST.train:
            shutil.rmtree(root / camera.folder / str(person))
    visible, thermal = open_tests(root, 1)
    assert len(visible.test) == len(thermal.test) == 4
    with pytest.raises(
        DataError, match="4 of 4 image files under Visible in the data folder are empty or missing"
    ):
        open_camera(root, 1, 1)


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / "idx" / f"{name}.txt").write_text(text)


def _swap(root: Path) -> None:
    """Give the thermal list the labels of each other's persons."""
    path = root / "idx" / "train_thermal_1.txt"
    path.write_text("".join(f"{line[:-1]}{1 - int(line[-1])}\n" for line in path.read_text().splitlines()))


A, B = "Visible/4/drawn_v_00001_4.bmp", "Visible/2/drawn_v_00001_2.bmp"
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda root: (root / "idx" / "train_visible_1.txt").unlink(),
        "train_visible_1.txt is missing",
    ),
    "nothing": (_write("train_visible_1", ""), "has no line"),
    "binary": (lambda root: (root / "idx" / "train_visible_1.txt").write_bytes(b"\xff\xfe"), "has no line"),
    "no label": (_write("train_visible_1", f"{A}\n{B} 1\n"), "has 1 malformed lines"),
    "word": (_write("train_visible_1", f"{A} zero\n"), "has 1 malformed lines"),
    "other folder": (_write("train_visible_1", A.replace("Visible", "Thermal") + " 0\n"), "malformed"),
    "climbs": (_write("train_visible_1", "Visible/4/../../Thermal/4/a.bmp 0\n"), "malformed"),
    "climbs at the end": (_write("train_visible_1", "Visible/4/.. 0\n"), "malformed"),
    "from one": (_write("train_visible_1", f"{A} 1\n{B} 2\n"), "labels that are not 0 to 1"),
    "twice": (_write("train_visible_1", f"{A} 0\n{B} 1\n{A} 0\n"), "an image more than once"),
    "one label, two persons": (_write("train_visible_1", f"{A} 0\n{B} 0\n"), "one by one"),
    "one person, two labels": (_write("train_visible_1", f"{A} 0\n{A[:-4]}x.bmp 1\n"), "one by one"),
    "overlap": (
        _write("test_visible_1", "Visible/2/drawn_v_00001_2.bmp 0\n"),
        "1 persons of .* both trained on and tested on in split 1",
    ),
    "empty": (lambda root: (root / A).write_bytes(b""), "1 of . image files under Visible .* expected BMP"),
    "lost": (lambda root: (root / A).unlink(), "1 of . image files under Visible .* empty or missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_tree_is_refused_in_one_sentence(case: str, root: Path) -> None:
    spoil, sentence = BAD[case]
    spoil(root)
    with pytest.raises(DataError, match=sentence) as caught:
        open_regdb(root)
    assert "expected" in str(caught.value) and str(root) in str(caught.value)


@pytest.mark.parametrize("case", BAD)
def test_a_client_is_told_no_path_and_no_person(case: str, root: Path) -> None:
    spoil, sentence = BAD[case]
    spoil(root)
    with pytest.raises(DataError, match=sentence) as caught:
        open_camera(root, 1, 1)
    assert str(root) not in str(caught.value) and "drawn_v" not in str(caught.value)
    assert caught.value.__context__ is None


def test_labels_that_mean_another_person_in_thermal_are_refused(root: Path) -> None:
    _swap(root)
    with pytest.raises(DataError, match="2 labels in the visible and the thermal train list of split 1"):
        open_regdb(root)
    open_tests(root, 2)
    assert people(open_camera(root, 2, 1).train) == {0: 2, 1: 4}  # a camera cannot know


def test_what_is_no_folder_and_what_is_no_camera_are_refused(root: Path) -> None:
    with pytest.raises(DataError, match=r"^the data folder is not a folder; expected the root of RegDB"):
        open_camera(root / "nowhere", 1, 1)
    with pytest.raises(DataError, match="no camera 3; expected 1, which is visible, or 2"):
        open_camera(root, 3, 1)
