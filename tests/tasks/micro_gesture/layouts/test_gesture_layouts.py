"""Small trees in the published layouts: what the readers find in them, and for whom."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import ConfigError
from isofed.tasks.micro_gesture.drawing.film import filmed
from isofed.tasks.micro_gesture.drawing.plan import Small, planned
from isofed.tasks.micro_gesture.frames import places, prepared
from isofed.tasks.micro_gesture.joints import IMIGUE
from isofed.tasks.micro_gesture.layouts.clips import UNLABELLED
from isofed.tasks.micro_gesture.layouts.formats import FORMATS
from isofed.tasks.micro_gesture.layouts.layout import LAYOUTS

Trees = dict[str, Path]
ALONE = [name for name in LAYOUTS if name != "micro_gesture_silos"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_is_read_by_whoever_may(name: str, gesture_trees: Trees, gesture_options: Any) -> None:
    layout, root = LAYOUTS[name], gesture_trees[name]
    joints = 25 if name.startswith("smg") else 22
    for level in layout.levels:
        sizes = []
        for site in layout.sites(root, level):
            assert not isinstance(site, str)
            found = layout.open_train(
                root, site.name, root.with_name("cache") / name / site.name, gesture_options()
            )
            assert found.inputs[np.arange(2)].shape == (2, 3, 52, joints)
            assert found.inputs[np.arange(2)].dtype == np.float32
            assert found.labels.dtype == np.int64 and set(found.labels.tolist()) <= {UNLABELLED, 0, 1}
            sizes.append(len(found))
        assert all(sizes) and (level != "sharing" or len(sizes) == 1)
    tested = layout.open_test(root, root.with_name("cache") / name / "test", gesture_options())
    assert set(tested.labels.tolist()) == {0, 1} and len(tested) == len(tested.inputs)
    assert tested.videos.min() == 0 and tested.subjects.min() >= 0


@pytest.mark.parametrize("name", ALONE)
def test_people_hold_together_what_the_pool_holds(
    name: str, gesture_trees: Trees, gesture_options: Any
) -> None:
    layout, root, home = LAYOUTS[name], gesture_trees[name], gesture_trees[name].with_name("people") / name
    pooled = layout.open_train(root, "pooled", home / "pooled", gesture_options())
    own = [
        layout.open_train(root, site.name, home / site.name, gesture_options())
        for site in layout.sites(root, "entity")  # type: ignore[union-attr]
    ]
    every = np.concatenate([each.inputs[np.arange(len(each))] for each in own])
    whole = pooled.inputs[np.arange(len(pooled))]
    assert sorted(map(bytes, every)) == sorted(map(bytes, whole))


def test_two_layouts_of_one_recording_are_read_alike(gesture_trees: Trees, gesture_options: Any) -> None:
    opened = []
    for name in ("imigue", "imigue_miga"):
        layout, home = LAYOUTS[name], gesture_trees[name].with_name("alike") / name
        opened.append(layout.open_train(gesture_trees[name], "pooled", home, gesture_options()))
    one, other = opened
    assert np.array_equal(one.labels, other.labels) and np.array_equal(one.inputs.scenes, other.inputs.scenes)
    assert np.array_equal(one.inputs[np.arange(len(one))], other.inputs[np.arange(len(one))])


def test_what_was_filmed_is_what_is_read(gesture_trees: Trees, gesture_options: Any) -> None:
    small = Small(subjects=4, videos=2, clips=3)
    videos = [video for video in planned(3, "", small) if video.side == "train"]
    found = LAYOUTS["imigue"].open_train(
        gesture_trees["imigue"],
        "pooled",
        gesture_trees["imigue"].with_name("filmed"),
        gesture_options(normalise="raw"),
    )
    film = np.concatenate([_clips(filmed(3, "", video, IMIGUE, 25, small), video) for video in videos])
    expected = prepared(np.round(film.astype(np.float64), 2).astype(np.float32), IMIGUE, "raw", "hold")
    assert np.allclose(found.inputs[np.arange(len(found))], expected, atol=0.006)
    assert found.labels.tolist() == [video.label for video in videos for _ in range(len(video))]


def _clips(film: np.ndarray, video: Any) -> np.ndarray:
    return film[video.starts[:, None] + places(video.lengths)]


def test_the_cache_is_used_until_something_changes(
    gesture_trees: Trees, gesture_options: Any, tmp_path: Path
) -> None:
    layout, root = LAYOUTS["smg"], gesture_trees["smg"]
    opened = lambda **changes: layout.open_train(root, "pooled", tmp_path, gesture_options(**changes))  # noqa: E731
    first = opened().inputs.clips
    assert isinstance(first, np.memmap)
    when = (tmp_path / "smg" / "clips.npy").stat().st_mtime_ns
    opened()
    assert (tmp_path / "smg" / "clips.npy").stat().st_mtime_ns == when
    other = opened(view="bone").inputs.clips
    assert (tmp_path / "smg" / "clips.npy").stat().st_mtime_ns != when and not np.array_equal(other, first)


def test_clips_of_a_video_are_held_out_together(
    gesture_trees: Trees, gesture_options: Any, tmp_path: Path
) -> None:
    found = LAYOUTS["micro_gesture_silos"].open_train(
        gesture_trees["micro_gesture_silos"], "pooled", tmp_path, gesture_options()
    )
    some = found.take(np.array([5, 2])).take(np.array([1]))
    assert some.inputs.scenes.tolist() == [found.inputs.scenes[2]]
    assert np.array_equal(some.inputs[np.array([0])], found.inputs[np.array([2])])
    sizes = np.unique(found.inputs.scenes, return_counts=True)[1]
    assert set(sizes.tolist()) <= {3} and len(sizes) == 2 * 4  # no video is one of two silos


def test_a_silo_without_labels_is_trained_on_and_not_tested(
    gesture_trees: Trees, gesture_options: Any, tmp_path: Path
) -> None:
    layout, root = LAYOUTS["micro_gesture_silos"], gesture_trees["micro_gesture_silos"]
    known, unknown = (
        layout.open_train(root, name, tmp_path / name, gesture_options()) for name in ("silo1", "silo2")
    )
    assert set(known.labels.tolist()) == {0, 1} and set(unknown.labels.tolist()) == {UNLABELLED}
    only = LAYOUTS["imigue_miga"].open_test(root / "silo1", tmp_path / "only", gesture_options())
    assert len(layout.open_test(root, tmp_path / "test", gesture_options())) == len(only)


def test_a_client_looks_into_its_own_folder_alone(gesture_trees: Trees) -> None:
    layout, root = LAYOUTS["micro_gesture_silos"], gesture_trees["micro_gesture_silos"]
    assert layout.folders(root, "silo2") == (root, root / "silo2")
    assert layout.folders(root, None) == (root, root / "silo1", root / "silo2")


def test_whose_joints_is_told_by_the_data(gesture_trees: Trees, gesture_options: Any) -> None:
    for name, layout in LAYOUTS.items():
        body = "smg" if name.startswith("smg") else "imigue"
        assert layout.resolve(gesture_trees[name], gesture_options()) == {"classes": 2, "body": body}
    with pytest.raises(ConfigError, match=r"'task\.body' is smg, but the data have the joints of imigue"):
        LAYOUTS["imigue"].resolve(gesture_trees["imigue"], gesture_options(body="smg"))


def test_the_levels_that_make_sense() -> None:
    assert LAYOUTS["micro_gesture_silos"].levels == ("camera", "entity", "sharing")
    assert {LAYOUTS[name].levels for name in ALONE} == {("entity", "sharing")}
    assert set(ALONE) == set(FORMATS)


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_was_made_is_as_expected(name: str, gesture_trees: Trees) -> None:
    findings = LAYOUTS[name].check(gesture_trees[name], None)
    assert findings and all(finding.ok for finding in findings), findings
