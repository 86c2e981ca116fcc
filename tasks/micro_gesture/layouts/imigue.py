"""iMiGUE as the authors' code reads it: one JSON file for each clip, lists of clips, a table of videos."""

import json
import re
from pathlib import Path

import numpy as np

from isofed.tasks.micro_gesture.joints import IMIGUE
from isofed.tasks.micro_gesture.layouts.clips import NOBODY, NONE, TEST, TRAIN, VALID, Floats, Listing, Span
from isofed.tasks.micro_gesture.layouts.listed import (
    Row,
    Video,
    emotion,
    listing,
    read_list,
    read_table,
    refuse_none,
    refuse_unknown,
    walk,
)
from isofed.tasks.micro_gesture.layouts.store import BROKEN, EMPTY, JOINTS

TITLE = "iMiGUE"
NAME = re.compile(r"(\d{4})_([^_/]+)_(\d+)(?:_[^/]*)?\.json")
LISTS = {"train_list.json": TRAIN, "valid_list.json": VALID, "test_list.json": TEST}
PARTS = {"skeletons": 25, "left_hand": 21, "right_hand": 21}  # of a file that are read, and their joints
FACE = {"face": 70}  # is there as well and is not read
TIPS = (4, 8, 12, 16, 20)  # of a hand: thumb to little finger
# of the 67 joints of body, left and right hand, those that are used, in the order of joints.IMIGUE
USED = np.array([*range(8), 15, 16, 17, 18, *(25 + tip for tip in TIPS), *(46 + tip for tip in TIPS)])


def list_clips(root: Path, subject: int | None = None) -> Listing:
    """List a tree's clips by their names, ``{video}_{emotion}_{clip}....json`` in any folder below the root.

    The emotion is 0, 1, or ``u`` where nobody said. ``labels.csv``, if it is there, says whom a video shows.
    Names alone are looked at, so all are listed even where one ``subject`` is asked for.

    Raises:
        DataError: no folder, no clip, an unknown emotion, a list or table that cannot be read.
    """
    on = {key: number for name, number in LISTS.items() for key in read_list(root / name, TITLE)}
    table, unknown = read_table(root, TITLE), list[str]()
    rows = []
    for path in walk(root, ".json", TITLE):
        found = NAME.fullmatch(path.rpartition("/")[2])
        if found:
            video, word, clip = found.groups()
            label = emotion(word, unknown)
            whom = table.get(int(video), Video(NOBODY, label)).subject
            key = f"{video}_{int(clip) - 1}"
            rows.append(Row(Span(root / path), label, (int(video),), whom, on.get(key, NONE)))
    refuse_unknown(unknown, len(rows), TITLE, "0, 1, or u for an unlabelled clip, as the name's second word")
    refuse_none(len(rows), TITLE, "0001_1_5.json")
    return listing(TITLE, IMIGUE, rows)


def frames(path: Path) -> Floats | str:
    """Read a clip: (L, 22, 3) pixels and confidence, or what is wrong with it."""
    try:
        told = json.loads(path.read_bytes())
        parts = {name: np.asarray(told[name], np.float32) for name in PARTS}
    except (OSError, KeyError, TypeError, ValueError) as error:
        return JOINTS if "inhomogeneous" in str(error) else BROKEN
    return joined(parts)


def joined(parts: dict[str, Floats]) -> Floats | str:
    """Return the used joints of body and hands, (L, 22, 3), or what is wrong with them."""
    if not any(len(part) for part in parts.values()):
        return EMPTY
    shapes = {name: part.shape for name, part in parts.items()}
    length = len(parts["skeletons"])
    if shapes != {name: (length, joints, 3) for name, joints in PARTS.items()}:
        return JOINTS
    whole = np.concatenate([parts[name] for name in PARTS], 1)[:, USED]
    return whole if np.isfinite(whole).all() else BROKEN
