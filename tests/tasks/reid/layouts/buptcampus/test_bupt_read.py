import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.reid.layouts.buptcampus.read import (
    CAMERAS,
    Line,
    open_camera,
    open_tests,
    partners,
    read_lists,
)

LISTS = {
    "train.txt": "1 RGB/IR LS3 1\n1 RGB/IR G25 1\n10 RGB/IR LS3 1\n10 RGB/IR LS3 2\n",
    "query.txt": "7 IR W4 1\n8 RGB W4 1\n",
    "gallery.txt": "7 RGB CQ1 1\n7 IR CQ1 1\n8 RGB TSG2 1\n",
    "train_auxiliary.txt": "20 RGB/IR TSG1 1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree written by hand after the published description; its images are no images."""
    out, paths = tmp_path / "campus", {}
    for text in LISTS.values():
        for person, modality, camera, tracklet in (line.split() for line in text.splitlines()):
            for part in modality.split("/"):
                names = [
                    f"{person}/{part}/{camera}/{person}_{part}_{camera}_{tracklet}_{n}.jpg"
                    for n in (8, 9, 10)
                ]
                tracklets = paths.setdefault(person, {}).setdefault(part, {}).setdefault(camera, {})
                tracklets[tracklet] = names
                for name in names:
                    (out / "DATA" / name).parent.mkdir(parents=True, exist_ok=True)
                    (out / "DATA" / name).write_bytes(b"frame")
    for name, text in LISTS.items():
        (out / name).write_text(text)
    (out / "data_paths.json").write_text(json.dumps(paths))
    return out


def test_the_lists_are_read_as_published(root: Path) -> None:
    tree = read_lists(root, "the tree")
    assert CAMERAS == ("LS3", "G25", "CQ1", "W4", "TSG1", "TSG2")
    assert tree.train_ids == (1, 10) and len(tree.paths) == 5
    assert tree.lines("train.txt", camera="G25") == (Line(1, "RGB/IR", "G25", "1"),)
    assert tree.lines("gallery.txt", "RGB") == (Line(7, "RGB", "CQ1", "1"), Line(8, "RGB", "TSG2", "1"))
    assert tree.lines("train.txt", "IR", "G25") == (Line(1, "IR", "G25", "1"),)


def test_frames_keep_the_order_of_the_map(root: Path) -> None:
    tree = read_lists(root, "the tree")
    visible, infrared = tree.films(tree.lines("train.txt", camera="G25"))
    assert (visible.id, visible.camera, visible.infrared, infrared.infrared) == (1, 2, False, True)
    assert [path.name for path in infrared.frames] == [f"1_IR_G25_1_{n}.jpg" for n in (8, 9, 10)]
    assert visible.frames[0] == root / "DATA" / "1" / "RGB" / "G25" / "1_RGB_G25_1_8.jpg"


def test_the_data_folder_itself_may_be_named(root: Path) -> None:
    for opener in (lambda at: open_camera(at, "LS3")[2], open_tests):
        assert opener(root) == opener(root / "DATA")
    (root / "DATA").rename(root / "anything")
    assert len(open_camera(root / "anything", "LS3")[2]) == 6


def test_a_camera_opens_its_own_frames_alone(root: Path) -> None:
    _, lines, films = open_camera(root, "LS3")
    assert [line.person for line in lines] == [1, 10, 10] and len(films) == 6
    for folder in (root / "DATA").glob("*/*/*"):
        if folder.name != "LS3":
            shutil.rmtree(folder)
    assert open_camera(root, "LS3")[2] == films
    with pytest.raises(DataError, match="6 of 6 image files under camera G25 in the data folder"):
        open_camera(root, "G25")


def test_the_evaluator_opens_test_frames_alone(root: Path) -> None:
    for person in (1, 10, 20):
        shutil.rmtree(root / "DATA" / str(person))
    query, gallery = open_tests(root)
    assert [(film.id, film.camera, film.infrared) for film in query] == [(7, 4, True)]
    assert [(film.id, film.camera, film.infrared) for film in gallery] == [(7, 3, False), (8, 6, False)]


def test_partners_are_the_two_films_of_a_line() -> None:
    lines = [Line(1, modality, "W4", "1") for modality in ("RGB/IR", "IR", "RGB/IR", "RGB")]
    assert partners(lines).tolist() == [1, 0, -1, 4, 3, -1]
    assert partners([]).tolist() == [] and partners(lines).dtype == np.int64


def _text(name: str, change: Callable[[str], str]) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(change((root / name).read_text()))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda root: (root / "gallery.txt").unlink(), "gallery.txt is missing"),
    "no auxiliary": (lambda root: (root / "train_auxiliary.txt").unlink(), "train_auxiliary.txt is missing"),
    "empty": (_text("query.txt", lambda t: "\n"), "0 of 0 lines of query.txt"),
    "three": (_text("train.txt", lambda t: t + "3 IR LS3"), "1 of 5 lines of train.txt .* not understood"),
    "camera": (_text("train.txt", lambda t: t + "3 IR LS4 1"), "1 of 5 lines of train.txt .* not understood"),
    "modality": (
        _text("train.txt", lambda t: t + "3 TIR W4 1"),
        "1 of 5 lines of train.txt .* not understood",
    ),
    "person": (_text("query.txt", lambda t: t + "x IR W4 1"), "1 of 3 lines of query.txt .* not understood"),
    "overlap": (_text("query.txt", lambda t: t + "10 IR W4 1"), "1 persons .* both trained on and tested on"),
    "no map": (lambda root: (root / "data_paths.json").unlink(), "data_paths.json is missing"),
    "no json": (_text("data_paths.json", lambda t: t[:-1]), "data_paths.json .* is no such map"),
    "a list": (_text("data_paths.json", lambda t: "[]"), "data_paths.json .* is no such map"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_list_is_refused_in_one_sentence_without_a_path(case: str, root: Path) -> None:
    spoil, sentence = BAD[case]
    spoil(root)
    for opener in (lambda: open_camera(root, "LS3"), lambda: open_tests(root)):
        with pytest.raises(DataError, match=sentence) as caught:
            opener()
        text = str(caught.value)
        assert "expected" in text and str(root) not in text and "10" not in text and ".jpg" not in text
        assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "frames",
    [
        None,
        [],
        [3],
        ["1/RGB/W4/a.jpg"],
        ["../G25/a.jpg"],
        ["/G25/a.jpg"],
        ["1/RGB/G25/../../../x.jpg"],
        "G25",
    ],
)
def test_frames_outside_the_cameras_folder_are_refused(frames: object, root: Path) -> None:
    paths = json.loads((root / "data_paths.json").read_text())
    paths["1"]["RGB"]["G25"]["1"] = frames
    (root / "data_paths.json").write_text(json.dumps(paths))
    with pytest.raises(DataError, match=r"1 of 2 tracklets have no frames in data_paths.json; expected"):
        open_camera(root, "G25")
    assert len(open_camera(root, "LS3")[2]) == 6


def test_what_is_not_there_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'.*nowhere' is not a folder; expected the root of BUPTCampus"):
        read_lists(tmp_path / "nowhere", f"'{tmp_path / 'nowhere'}'")
    with pytest.raises(DataError, match="no camera cam1; expected one of LS3, G25"):
        open_camera(root, "cam1")
    with pytest.raises(DataError, match=r"camera W4 has no tracklet in train.txt"):
        open_camera(root, "W4")
    (root / "query.txt").write_text("8 RGB W4 1\n")
    with pytest.raises(DataError, match=r"query.txt in the data folder has no line with IR"):
        open_tests(root)
