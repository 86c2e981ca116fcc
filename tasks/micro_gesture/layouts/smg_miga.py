"""SMG as its authors hand it out: a table of joints for each participant, of gestures, and of emotions."""

import re
from pathlib import Path

import numpy as np

from isofed.tasks.micro_gesture.joints import SMG
from isofed.tasks.micro_gesture.layouts.clips import TEST, TRAIN, UNLABELLED, Floats, Listing
from isofed.tasks.micro_gesture.layouts.listed import (
    Row,
    gestures,
    listing,
    numbers,
    refuse_none,
    refuse_unknown,
    walk,
)
from isofed.tasks.micro_gesture.layouts.store import BROKEN, EMPTY, JOINTS

TITLE, FOLDER = "SMG (tables)", "Sample"
LABELS = re.compile(r"(?:.*/)?Sample(\d+)/Sample\1_finelabels\.csv")
CLASSES = range(1, 18)  # 16 gestures, and one for what is none
TRAINED = 35  # participants 1 to 35 are trained on, 36 to 40 tested
EACH = 11  # numbers of a joint: place, orientation, two projections
EMOTION = (1, 2)  # what stands in the last digit of an emotion's code: relaxed, stressed


def list_clips(root: Path, subject: int | None = None) -> Listing:
    """List a tree's clips: the rows ``class,start,end`` of ``Sample0001/Sample0001_finelabels.csv``.

    The emotion of a clip is that of the instance in which it begins, a row ``row,start,end,code`` of
    ``Sample0001_tflabels_new.csv``, its code's last digit less one; such an instance is a video.

    Args:
        root: of the tree.
        subject: whose alone, where one is given; nothing of another one's is opened.

    Raises:
        DataError: no folder, no clip, an unknown gesture or emotion, a table that cannot be read.
    """
    unknown, rows = list[str](), list[Row]()
    for path in walk(root, "_finelabels.csv", TITLE):
        found = LABELS.fullmatch(path)
        if found and subject in (None, int(found[1])):
            whom = int(found[1])
            joints, emotions = (
                (root / path).with_name(f"Sample{found[1]}_{word}.csv")
                for word in ("skeleton", "tflabels_new")
            )
            spans = gestures(root / path, joints, CLASSES, unknown)
            videos, labels = _emotions(emotions, np.array([span.start for span in spans]), unknown)
            on = TRAIN if whom <= TRAINED else TEST
            rows += [
                Row(span, label, (whom, video), whom, on)
                for span, label, video in zip(spans, labels, videos, strict=True)
            ]
    expected = "a gesture from 1 to 17, and an emotion whose code ends in 1 or 2"
    refuse_unknown(unknown, max(len(rows), len(unknown)), TITLE, expected)
    refuse_none(len(rows), TITLE, "Sample0001/Sample0001_finelabels.csv")
    return listing(TITLE, SMG, rows)


def _emotions(path: Path, starts: np.ndarray, unknown: list[str]) -> tuple[list[int], list[int]]:
    """Return the instance (-1 for none) and emotion of clips that begin at ``starts``, (n,)."""
    nowhere = [UNLABELLED] * len(starts)
    table = numbers(path) if path.is_file() and path.stat().st_size else np.zeros((0, 4))
    if table is None or table.shape[1] != 4:
        unknown.append("no row,start,end,code")
        return nowhere, nowhere
    _, first, last, code = table.astype(np.int64).T
    unknown += [f"code {word}" for word in code.tolist() if word % 10 not in EMOTION]
    inside = (starts[:, None] >= first) & (starts[:, None] <= last)
    where = np.where(inside.any(1), inside.argmax(1), -1) if len(table) else np.array(nowhere, np.int64)
    labels = np.where(where < 0, UNLABELLED, code[where] % 10 - 1) if len(table) else where
    return where.tolist(), labels.tolist()


def frames(path: Path) -> Floats | str:
    """Read a participant's joints: (L, 25, 3) x, y, z, or what is wrong with them."""
    if path.is_file() and not path.stat().st_size:
        return EMPTY
    table = numbers(path)
    if table is None:
        return BROKEN
    if table.shape[1] != EACH * len(SMG.joints):
        return JOINTS
    return table.reshape(len(table), -1, EACH)[:, :, :3].astype(np.float32)
