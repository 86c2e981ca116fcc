import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.layouts import reading
from isofed.tasks.reid.layouts.sysu.read import CAMERAS, INFRARED, VISIBLE, open_camera, open_sysu, open_tests
from isofed.tasks.reid.layouts.sysu.write import Folder, write_sysu

LISTS = {"train_id.txt": [3, 1], "val_id.txt": [7], "test_id.txt": [2]}
SEEN = {1: (1, 2, 3), 2: (7,), 3: (1, 7), 4: (2,), 5: (3,), 6: (2, 3)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree of four persons, two images each, the camera's number as brightness."""
    folders = [
        Folder(camera, person, encode(np.full((2, 8, 4), 10 * camera, np.uint8)))
        for camera, persons in SEEN.items()
        for person in persons
    ]
    write_sysu(tmp_path / "sysu", folders, LISTS, {})
    return tmp_path / "sysu"


def test_the_lists_are_read_and_joined(root: Path) -> None:
    tree = open_sysu(root)
    assert tree.train_ids == (1, 3, 7)
    assert tree.test_ids == (2,)


def test_files_come_by_ascending_person_then_by_name(root: Path) -> None:
    (root / "cam1" / "0001" / "0010.jpg").write_bytes((root / "cam1" / "0001" / "0001.jpg").read_bytes())
    (root / "cam1" / "0001" / "notes.txt").write_text("not an image")
    files = open_sysu(root).files(1, [3, 1, 99])
    assert [(file.id, file.path.name) for file in files] == [
        (1, "0001.jpg"),
        (1, "0002.jpg"),
        (1, "0010.jpg"),
        (3, "0001.jpg"),
        (3, "0002.jpg"),
    ]
    assert {file.camera for file in files} == {1}


def test_four_cameras_are_visible_and_two_infrared() -> None:
    assert VISIBLE == (1, 2, 4, 5)
    assert INFRARED == (3, 6)
    assert CAMERAS[1].place.startswith("indoor room 2") and CAMERAS[2].place.startswith("indoor room 2")


def test_a_camera_is_opened_without_a_look_at_the_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    listdir = reading.os.listdir
    monkeypatch.setattr(reading.os, "listdir", lambda folder: opened.append(str(folder)) or listdir(folder))
    tree = open_camera(root, 3)
    assert len(tree.files(3, tree.train_ids)) == 4
    assert opened and all("cam3" in folder for folder in opened)

    for other in (1, 2, 4, 5, 6):
        shutil.rmtree(root / f"cam{other}")
    assert open_camera(root, 3).train_ids == (1, 3, 7)


def _write_list(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / "exp" / name).write_text(text)


def _empty_file(root: Path) -> None:
    (root / "cam1" / "0003" / "0002.jpg").write_bytes(b"")


def _remove(*parts: str) -> Callable[[Path], object]:

    return lambda root: [shutil.rmtree(root / part) for part in parts]


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing list": (lambda root: (root / "exp" / "val_id.txt").unlink(), "exp/val_id.txt is missing"),
    "word": (_write_list("train_id.txt", "1,two\n"), "not a line of numbers"),
    "two lines": (_write_list("train_id.txt", "1\n3\n"), "not a line of numbers"),
    "nothing": (_write_list("test_id.txt", ""), "not a line of numbers"),
    "too large": (_write_list("test_id.txt", "10000"), "not a line of numbers"),
    "binary": (lambda root: (root / "exp" / "test_id.txt").write_bytes(b"\xff\xfe"), "not a line of numbers"),
    "twice": (_write_list("train_id.txt", "1,3,3"), "more than once"),
    "train and val": (_write_list("val_id.txt", "1,7"), "1 persons stand in both"),
    "overlap": (_write_list("test_id.txt", "2,7"), "1 persons of .* both trained on and tested on"),
    "no camera": (_remove("cam4"), "cam4 is missing"),
    "half copied": (_remove("cam2/0007", "cam3/0007"), "1 of 4 persons .* no image in any camera"),
    "empty file": (_empty_file, "1 of 6 image files under cam1 .* are empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_tree_is_refused_in_one_sentence(case: str, root: Path) -> None:
    spoil, sentence = BAD[case]
    spoil(root)
    with pytest.raises(DataError, match=sentence) as caught:
        open_sysu(root)
    assert "expected" in str(caught.value)
    assert str(root) in str(caught.value)
    assert "0003" not in str(caught.value) and "0007" not in str(caught.value)


@pytest.mark.parametrize("case", [case for case in BAD if case not in ("no camera", "half copied")])
def test_a_client_is_told_no_path(case: str, root: Path) -> None:
    BAD[case][0](root)
    with pytest.raises(DataError) as caught:
        open_camera(root, 1)
    assert str(root) not in str(caught.value) and ".jpg" not in str(caught.value).replace("0001.jpg", "")
    assert caught.value.__context__ is None


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*nowhere' is not a folder; expected the root of SYSU-MM01"):
        open_sysu(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"^the data folder is not a folder"):
        open_camera(tmp_path / "nowhere", 1)


def test_a_camera_without_listed_persons_is_refused(root: Path) -> None:
    _remove("cam2/0007")(root)
    with pytest.raises(DataError, match="cam2 in the data folder holds no image of a listed person"):
        open_camera(root, 2)


def test_an_unknown_camera_is_refused(root: Path) -> None:
    with pytest.raises(DataError, match="no camera 7; expected a number from 1 to 6"):
        open_camera(root, 7)


def test_the_evaluator_looks_at_test_persons_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    listdir = reading.os.listdir
    monkeypatch.setattr(reading.os, "listdir", lambda folder: opened.append(str(folder)) or listdir(folder))
    tree = open_tests(root)
    assert tree.test_ids == (2,) and sum(len(tree.files(c.number, tree.test_ids)) for c in CAMERAS) == 6
    assert opened and {Path(folder).name for folder in opened} == {"0002"}

    for person in (1, 3, 7):
        for folder in root.glob(f"cam*/{person:04d}"):
            shutil.rmtree(folder)
    assert open_tests(root).test_ids == (2,)


BAD_TESTS: dict[str, tuple[Callable[[Path], object], str]] = {
    **{case: BAD[case] for case in ("missing list", "overlap", "no camera")},
    "nobody": (_remove("cam1/0002", "cam4/0002", "cam6/0002"), "1 of 1 persons to test on"),
    "no query": (_remove("cam6/0002"), "no infrared image .* under cam3 and cam6"),
    "no gallery": (_remove("cam1/0002", "cam4/0002"), "no visible image .* under cam1 and cam2 and cam4"),
    "empty": (lambda root: (root / "cam6" / "0002" / "0001.jpg").write_bytes(b""), "1 of 2 image files"),
}


@pytest.mark.parametrize("case", BAD_TESTS)
def test_an_evaluator_without_its_images_is_told_so_without_a_path(case: str, root: Path) -> None:
    spoil, sentence = BAD_TESTS[case]
    spoil(root)
    with pytest.raises(DataError, match=sentence) as caught:
        open_tests(root)
    assert "expected" in str(caught.value)
    assert str(root) not in str(caught.value) and "0002" not in str(caught.value)
