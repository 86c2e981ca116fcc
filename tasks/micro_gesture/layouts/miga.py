"""iMiGUE as the MiGA challenge hands it out: a table of joints for each video, and one of its gestures.

The challenge's labels are gestures; the emotion of a video is the outcome in the data set's own table of
labels, which is to lie beside as ``labels.csv``.
"""

import re
from pathlib import Path

import numpy as np

from isofed.tasks.micro_gesture.joints import IMIGUE
from isofed.tasks.micro_gesture.layouts.clips import (
    NOBODY,
    NONE,
    TEST,
    TRAIN,
    UNLABELLED,
    VALID,
    Floats,
    Listing,
)
from isofed.tasks.micro_gesture.layouts.listed import (
    Row,
    Video,
    gestures,
    listing,
    numbers,
    read_table,
    refuse_none,
    refuse_unknown,
    walk,
)
from isofed.tasks.micro_gesture.layouts.store import BROKEN, EMPTY, JOINTS

TITLE = "iMiGUE (MiGA)"
FOLDER = "imigue_skeleton_"
LABELS = re.compile(r"(?:.*?/)??(?:" + FOLDER + r"(\w+)/)?(\d{4})/\2_label\.csv")
SPLITS = {"train": TRAIN, "valid": VALID, "validate": VALID, "val": VALID, "test": TEST}
CLASSES = frozenset((*range(1, 32), 99))  # gestures, and 99 for what is none
COLUMNS = 106  # the frame's number, and three numbers of each of 35 joints
LAST = 10_000_000  # no frame has a greater number
# of BODY_25, five right and five left finger tips, those that are used, in the order of joints.IMIGUE
USED = np.array([*range(8), 15, 16, 17, 18, *range(30, 35), *range(25, 30)])


def list_clips(root: Path, subject: int | None = None) -> Listing:
    """List a tree's clips, the rows ``class,start,end`` of ``0187/0187_label.csv`` in a folder of each split.

    Args:
        root: of the tree.
        subject: whose alone, where one is given; nothing of another one's is opened.

    Raises:
        DataError: no folder, no clip, an unknown gesture, a table that cannot be read.
    """
    table, unknown, rows = read_table(root, TITLE), list[str](), list[Row]()
    for path in walk(root, "_label.csv", TITLE):
        found = LABELS.fullmatch(path)
        said = table.get(int(found[2]), Video(NOBODY, UNLABELLED)) if found else None
        if found and said and subject in (None, said.subject):
            joints = (root / path).with_name(f"{found[2]}_light_hand.csv")
            on, key = SPLITS.get(found[1] or "", NONE), (int(found[2]),)
            spans = gestures(root / path, joints, CLASSES, unknown)
            rows += [Row(span, said.label, key, said.subject, on) for span in spans]
    refuse_unknown(unknown, max(len(rows), len(unknown)), TITLE, "a gesture from 1 to 31, or 99")
    refuse_none(len(rows), TITLE, f"{FOLDER}train/0187/0187_label.csv")
    return listing(TITLE, IMIGUE, rows)


def frames(path: Path) -> Floats | str:
    """Read a video's joints, (L, 22, 3), or what is wrong with them; frames left out show no joint."""
    if path.is_file() and not path.stat().st_size:
        return EMPTY
    table = numbers(path)
    if table is None:
        return BROKEN
    if table.shape[1] != COLUMNS:
        return JOINTS
    number = table[:, 0].astype(np.int64)
    if number.min() < 0 or number.max() > LAST:
        return BROKEN
    whole = np.zeros((int(number.max()) + 1, len(USED), 3), np.float32)
    whole[number] = table[:, 1:].reshape(len(table), -1, 3)[:, USED]
    return whole
