import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.layouts import reading
from isofed.tasks.reid.layouts.llcm.read import (
    CAMERAS,
    TEST_CAMERAS,
    open_cameras,
    open_llcm,
    open_tests,
    read_lists,
)
from isofed.tasks.reid.layouts.llcm.write import Folder, write_llcm

GREY = encode(np.zeros((2, 8, 4), np.uint8))
TRAINED = {1: (3, 7), 2: (7,), 9: (3,)}  # camera -> persons


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree of two persons to train on and one, number 5, to test on; two images each."""
    folders = [Folder(c, p, m, False, GREY) for c, ps in TRAINED.items() for m in TEST_CAMERAS for p in ps]
    folders += [Folder(c, 5, m, True, GREY) for m, cameras in TEST_CAMERAS.items() for c in cameras]
    write_llcm(tmp_path / "llcm", folders, {})
    return tmp_path / "llcm"


def test_the_lists_tell_persons_and_cameras(root: Path) -> None:
    tree = open_llcm(root)
    assert tree.train_ids == (3, 7) and tree.test_ids == (5,)
    assert [(f.id, f.camera, f.path.name) for f in tree.of()["visible"]][:3] == [
        (3, 1, "0003_c01_s000001_f0001_vis.jpg"),
        (3, 1, "0003_c01_s000001_f0002_vis.jpg"),
        (3, 9, "0003_c09_s000009_f0001_vis.jpg"),
    ]
    assert len(tree.train["visible"]) == len(tree.train["infrared"]) == 2 * 4
    assert {line.label for line in tree.train["visible"]} == {0, 1}


def test_a_published_line_is_understood(root: Path) -> None:
    name = "nir/0003/0003_c01_s185535_f7010_nir.jpg"
    (root / name).write_bytes(GREY[0])
    (root / "idx" / "train_nir.txt").write_text(f"{name} 0\n\n")
    (file,) = read_lists(root, "the tree").of()["infrared"]
    assert (file.path, file.id, file.camera) == (root / name, 3, 1)


def test_no_infrared_test_image_is_of_camera_three(root: Path) -> None:
    stray = root / "test_nir" / "cam3" / "0005"
    stray.mkdir(parents=True)
    (stray / "0005_c03_s1_f1_nir.jpg").write_bytes(GREY[0])
    tree = open_tests(root)
    assert {file.camera for file in tree.test_files("infrared")} == {1, 2, 4, 5, 6, 7, 8, 9}
    assert {file.camera for file in tree.test_files("visible")} == set(CAMERAS)
    assert len(tree.test_files("visible")) == 2 * 9


def test_a_camera_looks_at_its_own_files_alone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    stat = reading.os.stat
    with monkeypatch.context() as patch:
        # everything asks the one os.stat, pathlib and pytest included
        patch.setattr(reading.os, "stat", lambda path, **more: seen.append(str(path)) or stat(path, **more))
        patch.setattr(reading.os, "listdir", lambda folder: pytest.fail("listed"))
        own = open_cameras(root, [1]).of([1])
    images = [path for path in seen if path.endswith(".jpg")]
    assert {file.camera for files in own.values() for file in files} == {1}
    assert len(images) == 2 * 2 * 2 and all("_c01_" in path for path in images)


def test_what_others_own_need_not_be_there(root: Path) -> None:
    for path in [*root.glob("vis/*/*"), *root.glob("nir/*/*")]:
        if "_c02_" not in path.name:
            path.unlink()
    shutil.rmtree(root / "test_vis")
    assert len(open_cameras(root, [2]).of([2])["infrared"]) == 2
    shutil.rmtree(root / "vis")
    with pytest.raises(DataError, match=r"^2 of 4 image files under vis and nir .* are empty or missing"):
        open_cameras(root, [2])


def _write_list(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / "idx" / name).write_text(text)


def _remove(*parts: str) -> Callable[[Path], object]:
    return lambda root: [shutil.rmtree(root / part) for part in parts]


def _empty_file(root: Path) -> None:
    next((root / "nir" / "0003").iterdir()).write_bytes(b"")


LINE = "vis/0003/0003_c01_s000001_f0001_vis.jpg"
LISTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing list": (lambda root: (root / "idx" / "train_nir.txt").unlink(), "idx/train_nir.txt is missing"),
    "empty list": (_write_list("train_vis.txt", ""), "0 of 0 lines of idx/train_vis.txt"),
    "no label": (_write_list("train_vis.txt", f"{LINE} 0\n{LINE}\n"), "1 of 2 lines"),
    "no camera": (_write_list("train_vis.txt", "vis/0003/0003_s1_f1_vis.jpg 0"), "1 of 1 lines"),
    "camera ten": (_write_list("train_vis.txt", "vis/0003/0003_c10_s1_f1_vis.jpg 0"), "1 of 1 lines"),
    "elsewhere": (_write_list("train_vis.txt", "vis/../0003/0003_c01_s1_f1_vis.jpg 0"), "1 of 1 lines"),
    "other modality": (_write_list("train_nir.txt", f"{LINE} 0"), "1 of 1 lines"),
    "word": (_write_list("test_id.txt", "1,two"), "idx/test_id.txt .* is not a line of numbers"),
    "overlap": (_write_list("test_id.txt", "5,7"), "1 persons of .* both trained on and tested on"),
    "empty file": (_empty_file, "1 of 8 image files under nir .* are empty or missing"),
}
TESTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no test camera": (_remove("test_vis/cam4"), "1 of 9 camera folders of test_vis are missing"),
    "no test persons": (
        lambda root: [
            shutil.rmtree(root / "test_nir" / f"cam{c}" / "0005") for c in TEST_CAMERAS["infrared"]
        ],
        "hold 0 images of persons to test on",
    ),
    "half copied": (_write_list("test_id.txt", "5,8"), "1 of 2 persons to test on .* have no image"),
}


@pytest.mark.parametrize("case", [*LISTS, *TESTS])
def test_a_bad_tree_is_refused_in_one_sentence(case: str, root: Path) -> None:
    spoil, sentence = (LISTS | TESTS)[case]
    spoil(root)
    with pytest.raises(DataError, match=sentence) as caught:
        open_llcm(root)
    assert "expected" in str(caught.value) and str(root) in str(caught.value)
    assert "0005" not in str(caught.value)


@pytest.mark.parametrize("case", [case for case in LISTS if case != "empty file"])
def test_a_client_is_told_no_path(case: str, root: Path) -> None:
    LISTS[case][0](root)
    with pytest.raises(DataError) as caught:
        open_cameras(root, CAMERAS)
    assert str(root) not in str(caught.value) and "0003" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("case", TESTS)
def test_an_evaluator_is_told_no_path(case: str, root: Path) -> None:
    TESTS[case][0](root)
    with pytest.raises(DataError) as caught:
        open_tests(root)
    assert str(root) not in str(caught.value)


def test_a_camera_that_saw_nobody_or_is_unknown_is_refused(root: Path) -> None:
    with pytest.raises(DataError, match="name no image of camera 4; expected names that hold _c04_"):
        open_cameras(root, [4])
    with pytest.raises(DataError, match="LLCM has no camera 10; expected a number from 1 to 9"):
        open_cameras(root, [10])
    with pytest.raises(DataError, match=r"^the data folder is not a folder; expected the root of LLCM"):
        open_cameras(root / "nowhere", [1])
