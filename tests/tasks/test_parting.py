"""What a part of a trial tells its site of others: nothing that its reader can do without."""

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isofed.config import read
from isofed.tasks import TASKS
from isofed.tasks.layouts.tree import MARK
from isofed.tasks.micro_gesture.layouts.layout import LAYOUTS as GESTURES
from isofed.tasks.parting import NAMES, OWN, opening, part
from isofed.tasks.reid.layouts.buptcampus.read import read_lists as campus_lists
from isofed.tasks.reid.layouts.hitsz_vcm.read import read_lists as vcm_lists
from isofed.tasks.reid.layouts.llcm.read import read_lists as llcm_lists
from isofed.tasks.reid.layouts.regdb.read import CAMERAS, read_list
from isofed.tasks.reid.layouts.sysu.read import read_lists as sysu_lists
from isofed.tasks.task import EVALUATOR, DataLayout, Task
from isofed.tasks.traced import traced

PEOPLE = {"identities": 8, "test_identities": 4, "height": 32, "width": 16}
FILMS = {**PEOPLE, "identities": 8, "test_identities": 2, "tracklets": 1, "frames": 12}
CLIPS = {"subjects": 4, "videos": 2, "clips": 2}
SMALL: dict[str, dict[str, Any]] = {
    "sysu": {**PEOPLE, "images": 2},
    "regdb": {**PEOPLE, "images": 2},
    "llcm": {**PEOPLE, "images": 2, "coverage": 0.5},
    "hitsz_vcm": FILMS,
    "buptcampus": FILMS,
    "imigue": CLIPS,
    "imigue_miga": CLIPS,
    "smg": CLIPS,
    "smg_miga": CLIPS,
    "micro_gesture_silos": {**CLIPS, "silos": 2},
}
REID = [name for name in SMALL if name in TASKS["reid"].layouts]


def found(name: str) -> tuple[Task, DataLayout]:
    """Return a layout and its task."""
    return next((task, task.layouts[name]) for task in TASKS.values() if name in task.layouts)


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make a layout's tree and part it, once; return both folders and what was told of others."""
    known: dict[str, Any] = {}

    def made(name: str) -> Any:
        if name not in known:
            task, layout = found(name)
            base = tmp_path_factory.mktemp(name)
            layout.make(base / "tree", 3, read(layout.options, SMALL[name], name), map, None)
            told = part(task, layout, base / "tree", base / "parts", layout.levels[0])
            known[name] = base / "tree", base / "parts", told
        return known[name]

    return made


def files(root: Path) -> set[Path]:
    """Return the files below a folder, from it."""
    return {p.relative_to(root) for p in root.rglob("*") if p.is_file() and p.name != MARK}


def sites(parts: Path) -> Iterator[Path]:
    """Yield the parts of those who train."""
    yield from (folder for folder in sorted(parts.iterdir()) if folder.is_dir() and folder.name != EVALUATOR)


@pytest.mark.parametrize("name", SMALL)
def test_a_part_holds_what_its_reader_opens_and_nothing_else(name: str, parted: Any, tmp_path: Path) -> None:
    (task, layout), (tree, parts, told) = found(name), parted(name)
    assert {each.told for each in told.values()} == {OWN}
    options = opening(task, layout, tree)
    for folder in parts.iterdir():
        if folder.is_dir():
            _, asked = traced(folder, lambda at=folder: layout.resolve(at, options))
            _, trace = traced(folder, lambda at=folder: _opened(layout, at, tmp_path / at.name, options))
            assert files(folder) == {path for path in trace.files | asked.files if path.name != MARK}


def _opened(layout: DataLayout, folder: Path, cache: Path, options: Any) -> Any:
    if folder.name == EVALUATOR:
        return layout.open_test(folder, cache, options)
    return layout.open_train(folder, folder.name, cache, options)


@pytest.mark.parametrize("name", REID)
def test_no_list_names_a_picture_of_another_camera(name: str, parted: Any) -> None:
    tree, parts, _ = parted(name)
    pictures = {path for path in files(tree) if path.suffix in (".jpg", ".bmp")}
    for folder in sites(parts):
        own = files(folder)
        told = "".join((folder / path).read_text() for path in own if path.suffix in (".txt", ".json"))
        others = pictures - own
        assert len(others) > len(own)
        words = set(re.split(r'[\s",\[\]]+', told))
        assert not {path.as_posix() for path in others} & words
        assert not {path.as_posix().partition("/")[2] for path in others} & words


def test_lists_number_people_and_tell_of_others_neither_camera_nor_frames(parted: Any) -> None:
    whole, parts, _ = parted("llcm")
    for folder in sites(parts):
        tree = llcm_lists(folder, "")
        unseen = [
            line for lines in tree.train.values() for line in lines if not (folder / line.path).exists()
        ]
        assert len({line.camera for line in unseen}) <= 1
        assert tree.train_ids == llcm_lists(whole, "").train_ids
        assert not set(tree.test_ids) & {*llcm_lists(whole, "").test_ids, *tree.train_ids}


def test_tables_of_tracklets_hold_the_own_camera_s(parted: Any) -> None:
    whole, parts, _ = parted("hitsz_vcm")
    for folder in sites(parts):
        tree, own = vcm_lists(folder, ""), int(folder.name[3:])
        others = tree.train.tracks[tree.train.tracks[:, 4] != own]
        assert len({*others[:, 4].tolist()}) <= 1 and tree.train.ids == vcm_lists(whole, "").train.ids
        assert tree.test.ids == (0,)
        frames = {name[:4] for name in tree.train.names if "D" + str(own) + "T" not in name}
        assert frames <= {"0000"}


def test_the_map_to_frames_holds_the_own_camera_s(parted: Any) -> None:
    whole, parts, _ = parted("buptcampus")
    for folder in sites(parts):
        tree = campus_lists(folder, "")
        cameras = {camera for by in tree.paths.values() for of in by.values() for camera in of}
        assert cameras == {folder.name} and tree.train_ids == campus_lists(whole, "").train_ids
        assert {line.person for line in (*tree.lists["query.txt"], *tree.lists["gallery.txt"])} == {0}


def test_who_is_tested_is_nobody_that_a_camera_hears_of(parted: Any) -> None:
    whole, parts, _ = parted("sysu")
    tested = set(sysu_lists(whole, "").test_ids)
    whole, split, _ = parted("regdb")
    people = {e.person for camera in CAMERAS for e in read_list(whole, "test", camera, 1, "")}
    for folder in sites(parts):
        assert not set(sysu_lists(folder, "").test_ids) & tested
    for folder in sites(split):
        own = CAMERAS[int(folder.name[3:]) - 1]
        assert not {e.person for e in read_list(folder, "test", own, 1, "")} & people


@pytest.mark.parametrize("name", ["imigue", "imigue_miga"])
def test_a_person_s_part_has_the_rows_of_that_person_alone(name: str, parted: Any) -> None:
    tree, parts, _ = parted(name)
    whose = {int(row["video_id"]): int(row["subject_id"]) for row in rows(tree / "labels.csv")}
    assert len({*whose.values()}) == 4
    for folder in sites(parts):
        own = int(folder.name.removeprefix("subject"))
        assert {int(row["subject_id"]) for row in rows(folder / "labels.csv")} == {own}
        assert {whose[video] for video in videos(folder)} == {own}


@pytest.mark.parametrize("name", ["imigue", "imigue_miga"])
def test_the_evaluator_s_part_has_the_rows_of_tested_videos_alone(name: str, parted: Any) -> None:
    tree, parts, _ = parted(name)
    listing = GESTURES[name].open_test(parts / EVALUATOR, tree.parent / "cache", opening(*found(name), tree))
    assert len(videos(parts / EVALUATOR)) == len(set(listing.videos.tolist()))
    assert len(videos(parts / EVALUATOR)) < len(videos(tree))


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def videos(root: Path) -> set[int]:
    """Return the videos that files, lists and the table of a tree name."""
    names = [path.name for path in files(root) if path.name[:4].isdigit()]
    for path in root.glob("*_list.json"):
        names += json.loads(path.read_text())
    return {int(name[:4]) for name in names} | {int(row["video_id"]) for row in rows(root / "labels.csv")}


@pytest.mark.parametrize("name", ["smg", "smg_miga"])
def test_files_that_tell_whom_they_show_are_the_person_s_own(name: str, parted: Any) -> None:
    _, parts, _ = parted(name)
    for folder in sites(parts):
        own = f"Sample{int(folder.name.removeprefix('subject')):04d}"
        assert all(path.name.startswith(own) for path in files(folder))


def test_a_silo_s_part_is_its_own_folder(parted: Any) -> None:
    _, parts, _ = parted("micro_gesture_silos")
    for folder in sites(parts):
        assert {path.parts[0] for path in files(folder)} == {folder.name}


def test_where_a_rule_needs_everybody_this_is_said(parted: Any, tmp_path: Path) -> None:
    tree, _, _ = parted("smg")
    told = part(*found("smg"), tree, tmp_path / "parts", "entity", {"labelled": 0.5})
    assert told.pop(EVALUATOR).told == OWN
    assert NAMES in {each.told for each in told.values()}
