"""What is wrong with a tree is one sentence, without a path, a file or a person's number."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import ConfigError, DataError
from isofed.tasks.micro_gesture.layouts.layout import LAYOUTS

Spoil = Callable[[Path], None]


def clip(root: Path) -> Path:
    """Return a training clip of a drawn tree."""
    return sorted(path for path in root.rglob("*_[01]*.json") if path.parent.name != "test")[0]


def rewrite(path: Path, change: Callable[[Any], None]) -> None:
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


def emptied(told: Any) -> None:
    told.update({name: [] for name in told if name != "file_name"})


def unseen(told: Any) -> None:
    for name in {"skeletons", "left_hand", "right_hand"} & set(told):
        told[name] = np.zeros_like(np.array(told[name])).tolist()


def fewer(told: Any) -> None:
    told["skeletons"] = [frame[:-1] for frame in told["skeletons"]]


def ragged(told: Any) -> None:
    told["skeletons"][0] = told["skeletons"][0][:-1]


def renamed(path: Path, old: str, new: str) -> None:
    path.rename(path.with_name(path.name.replace(old, new, 1)))


def line(path: Path, text: str) -> None:
    path.write_text(text)


CASES: list[tuple[str, Spoil, str]] = [
    ("imigue", lambda root: rewrite(clip(root), emptied), "1 of 3 clips of iMiGUE are empty; expected one"),
    ("imigue", lambda root: rewrite(clip(root), unseen), "1 of 3 clips of iMiGUE show no joint in any frame"),
    ("imigue", lambda root: rewrite(clip(root), fewer), "another number of joints.* expected 22 joints of 3"),
    ("imigue", lambda root: rewrite(clip(root), ragged), "another number of joints"),
    ("imigue", lambda root: clip(root).write_text("{"), "1 of 3 clips of iMiGUE cannot be read"),
    ("imigue", lambda root: clip(root).write_text(""), "1 of 3 clips of iMiGUE cannot be read"),
    (
        "imigue",
        lambda root: renamed(clip(root), "_1_", "_7_"),
        "such as '7'; expected 0, 1, or u",
    ),
    ("imigue", lambda root: line(root / "train_list.json", "{}"), "expected a JSON array of names"),
    ("imigue", lambda root: line(root / "labels.csv", "a,b\n1,2\n"), r"labels\.csv of iMiGUE cannot be read"),
    (
        "imigue",
        lambda root: line(root / "labels.csv", "video_id,subject_id\n1,2\n1,3\n"),
        "1 videos in labels.csv of iMiGUE have several subjects",
    ),
    (
        "imigue",
        lambda root: (root / "labels.csv").unlink(),
        "22 of 22 clips .* do not say whom they show",
    ),
    (
        "imigue",
        lambda root: shutil.rmtree(root / "clips"),
        r"no clip of iMiGUE; expected .* as 0001_1_5",
    ),
    ("imigue", lambda root: shutil.rmtree(root), "the data folder is not a folder"),
    ("smg", lambda root: rewrite(clip(root), unseen), "1 of 3 clips of SMG show no joint"),
    ("smg", lambda root: rewrite(clip(root), fewer), "expected 25 joints of 3 numbers"),
    ("smg", lambda root: rewrite(clip(root), emptied), "1 of 3 clips of SMG are empty"),
    ("smg", lambda root: renamed(clip(root), "_1.json", "_5.json"), "unknown label, such as '5'"),
    (
        "imigue_miga",
        lambda root: line(*[next(root.rglob("0001_label.csv")), "32,0,5\n"]),
        "unknown label, such as '32'; expected a gesture from 1 to 31, or 99",
    ),
    (
        "imigue_miga",
        lambda root: line(next(root.rglob("0001_label.csv")), "3,0,5\n3,9,99999\n"),
        "1 of 2 clips of iMiGUE .MiGA. end after the last frame of their video",
    ),
    (
        "imigue_miga",
        lambda root: line(next(root.rglob("0001_label.csv")), "3,9,5\n"),
        "1 of 1 clips of iMiGUE .MiGA. are empty",
    ),
    (
        "imigue_miga",
        lambda root: line(next(root.rglob("0001_light_hand.csv")), "0,1,2\n"),
        "3 of 3 clips of iMiGUE .MiGA. have another number of joints",
    ),
    (
        "imigue_miga",
        lambda root: line(root / "labels.csv", "video_id,subject_id,win_or_lose\n1,1,drawn\n"),
        "1 of 1 rows in labels.csv of .* unknown label, such as 'drawn'; expected win or lose",
    ),
    (
        "smg_miga",
        lambda root: line(next(root.rglob("Sample0001_tflabels_new.csv")), "0,0,900,17\n"),
        "unknown label, such as 'code 17'",
    ),
    (
        "smg_miga",
        lambda root: line(next(root.rglob("Sample0001_skeleton.csv")), "a,b\n"),
        "6 of 6 clips of SMG .tables. cannot be read",
    ),
]


@pytest.mark.parametrize(
    ("name", "spoil", "expected"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)]
)
def test_one_clear_sentence(
    name: str,
    spoil: Spoil,
    expected: str,
    gesture_trees: dict[str, Path],
    gesture_options: Any,
    tmp_path: Path,
) -> None:
    root = tmp_path / "tree"
    shutil.copytree(gesture_trees[name], root)
    spoil(root)
    with pytest.raises(DataError, match=expected) as caught:
        LAYOUTS[name].sites(root, "entity")
        LAYOUTS[name].open_train(root, "subject001", tmp_path / "cache", gesture_options())
    told = str(caught.value)
    assert str(tmp_path) not in told and "subject001" not in told and "\n" not in told
    assert not (tmp_path / "cache" / name / "index.json").exists()


def test_a_check_names_the_clip(gesture_trees: dict[str, Path], tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(gesture_trees["imigue"], root)
    spoilt = clip(root)
    rewrite(spoilt, unseen)
    rest = [finding for finding in LAYOUTS["imigue"].check(root, None) if not finding.ok]
    assert [finding.what for finding in rest] == [f"clips/{spoilt.name}", "clips that can be read"]
    assert rest[0].found == "clips that show no joint in any frame"
    (root / "synthetic.json").unlink()
    published = {line.what: line.expected for line in LAYOUTS["imigue"].check(root, None) if not line.ok}
    assert published["videos"] == "202" and published["training clips"] == "4961"


def test_a_video_of_two_emotions_is_found(gesture_trees: dict[str, Path], tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(gesture_trees["imigue"], root)
    renamed(clip(root), "_1_", "_0_")
    bad = [finding.what for finding in LAYOUTS["imigue"].check(root, None) if not finding.ok]
    assert bad == ["videos with two emotions"]


def test_silos_of_two_bodies(gesture_trees: dict[str, Path], tmp_path: Path) -> None:
    for name in ("imigue", "smg_miga"):
        shutil.copytree(gesture_trees[name], tmp_path / "tree" / name)
    with pytest.raises(DataError, match="have the joints of imigue and smg; expected one set of joints"):
        LAYOUTS["micro_gesture_silos"].sites(tmp_path / "tree", "entity")
    with pytest.raises(DataError, match="holds no folder of the silo asked for"):
        LAYOUTS["micro_gesture_silos"].sites(tmp_path / "nothing", "entity")
    (tmp_path / "tree" / "smg_miga").rename(tmp_path / "tree" / "a b")
    with pytest.raises(DataError, match="has a name that no site has"):
        LAYOUTS["micro_gesture_silos"].sites(tmp_path / "tree", "entity")


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    small = LAYOUTS["smg"].options
    with pytest.raises(ConfigError, match="signal=fingers is in the tips of five fingers, which smg"):
        LAYOUTS["smg"].make(tmp_path / "out", 0, small(signal="fingers"), map, None)
    with pytest.raises(ConfigError, match="unknown signal 'finger'; did you mean 'fingers'"):
        small(signal="finger")
    with pytest.raises(ConfigError, match="'contrast' is 2"):
        small(contrast=2)
    with pytest.raises(ConfigError, match="'unlabelled' is 4"):
        LAYOUTS["micro_gesture_silos"].options(unlabelled=4)
