#!/usr/bin/env python3
"""Bad input: a sentence each from `isofed data check` and from `isofed simulate`, and nothing half written.

    python tests/acceptance/issue_9/bad_input.py

Trees of each layout are drawn and damaged: empty clips, clips in which no joint was found, another number of
joints, labels that there are not. Checked, simulated, mended and continued as in issue_6/bad_input.py. Where
labels are unknown, the check itself is refused, by the same sentence, and no run begins.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from beside import script
from command import isofed, one_sentence

means = script("bad_input")
ONE = ("--subjects", "4", "--videos", "2", "--clips", "2")
ROOMS = (*ONE, "--silos", "2")
Damage = Callable[[Path], Path | None]
UNKNOWN = "unknown"  # a word of those cases whose labels nobody knows


def rewritten(change: Callable[[Any], Any]) -> Damage:
    """Return a damage that changes every part of the first training clip, by its frames."""

    def damage(tree: Path) -> Path:
        path = min(p for p in tree.rglob("*_[01]*.json") if p.parent.name != "test" and _trained(p))
        told = json.loads(path.read_text())
        parts = ("skeletons", "left_hand", "right_hand", "face")
        path.write_text(json.dumps({n: change(v) if n in parts else v for n, v in told.items()}))
        return path

    return damage


def _trained(path: Path) -> bool:
    """Tell whether a clip stands on the list of those to train on, where there is a list."""
    lists = path.parent.parent / "train_list.json"
    video, _, clip = path.stem.split("_")[:3]
    return not lists.is_file() or f"{video}_{int(clip) - 1}" in json.loads(lists.read_text())


def written(pattern: str, text: str, begun: bool = True) -> Damage:
    """Return a damage that writes another text into the first file of a name.

    ``begun`` tells whether the run has begun when it is refused, so that it can be continued.
    """

    def damage(tree: Path) -> Path | None:
        path: Path = means.first(tree, pattern)
        path.write_text(text)
        return path if begun else None

    return damage


def renamed(tree: Path) -> None:
    """Give a clip an emotion that there is not."""
    path = min(tree.rglob("*_1_*.json"))
    path.rename(path.with_name(path.name.replace("_1_", "_7_", 1)))


def unseen(frames: Any) -> Any:
    """Return frames in which no joint was found."""
    return np.zeros_like(np.array(frames)).tolist()


def fewer(frames: Any) -> Any:
    """Return frames without their last joint."""
    return [frame[:-1] for frame in frames]


def nothing(frames: Any) -> Any:
    """Return no frame."""
    return []


EMPTY, UNSEEN, OTHERS = "are empty", "show no joint in any frame", "have another number of joints"
LABEL = "have an unknown label, such as"
CASES = tuple(
    means.Case(*row)
    for row in (
        ("an empty clip", "imigue", ONE, rewritten(nothing), EMPTY),
        ("an empty clip", "smg", ONE, rewritten(nothing), EMPTY),
        (
            "a gesture that ends before it begins",
            "imigue_miga",
            ONE,
            written("imigue_skeleton_train/*/*_label.csv", "3,9,5\n"),
            EMPTY,
        ),
        ("an empty table of joints", "smg_miga", ONE, written("*_skeleton.csv", ""), EMPTY),
        ("all joints missing", "imigue", ONE, rewritten(unseen), UNSEEN),
        ("all joints missing", "smg", ONE, rewritten(unseen), UNSEEN),
        ("a joint too few", "imigue", ONE, rewritten(fewer), OTHERS),
        ("a joint too few, in a room", "micro_gesture_silos", ROOMS, rewritten(fewer), OTHERS),
        ("a joint too few", "smg", ONE, rewritten(fewer), OTHERS),
        ("a column too few", "smg_miga", ONE, written("*_skeleton.csv", "1,2,3\n"), OTHERS),
        ("an unknown emotion", "imigue", ONE, renamed, LABEL),
        (
            "an unknown outcome",
            "imigue_miga",
            ONE,
            written("labels.csv", "video_id,subject_id,win_or_lose\n1,1,drawn\n", False),
            LABEL,
        ),
        ("an unknown gesture", "imigue_miga", ONE, written("*_label.csv", "32,0,5\n", False), LABEL),
        ("an unknown emotion", "smg_miga", ONE, written("*_tflabels_new.csv", "0,0,900,17\n", False), LABEL),
    )
)
LOOKED = means.checked


def checked(case: Any, tree: Path, damaged: Path | None) -> Iterator[str]:
    """Look what the check of the tree says; a table of gestures is not what it names, but that of joints."""
    if UNKNOWN not in case.name:
        yield from LOOKED(case, tree, None if damaged and damaged.stem.endswith("_label") else damaged)
        return
    ended = isofed("data", "check", case.layout, str(tree))
    print(f"  check:    {ended.stderr.strip()}")
    if ended.returncode != 2 or not one_sentence(ended.stderr) or case.said not in ended.stderr:
        yield f"the check ended with {ended.returncode}: {ended.stdout}{ended.stderr}"


if __name__ == "__main__":
    means.CASES, means.checked, means.RUN = CASES, checked, (*means.RUN, "protocol=entity")
    sys.exit(means.main())
