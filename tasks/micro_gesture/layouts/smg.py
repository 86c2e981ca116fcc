"""SMG as the authors' code reads it: one JSON file for each clip in a folder of each split."""

import json
import re
from pathlib import Path

import numpy as np

from isofed.tasks.micro_gesture.joints import SMG
from isofed.tasks.micro_gesture.layouts.clips import NONE, TEST, TRAIN, VALID, Floats, Listing, Span
from isofed.tasks.micro_gesture.layouts.listed import (
    Row,
    emotion,
    listing,
    refuse_none,
    refuse_unknown,
    walk,
)
from isofed.tasks.micro_gesture.layouts.store import BROKEN, EMPTY, JOINTS

TITLE = "SMG"
NAME = re.compile(r"(?:.*/)?Sample(\d+)_(\d+)_(\d+)_([^_/]+)\.json")
SPLITS = {"train": TRAIN, "val": VALID, "test": TEST}


def list_clips(root: Path, subject: int | None = None) -> Listing:
    """List a tree's clips by their names, ``{split}/Sample{subject}_{video}_{clip}_{emotion}.json``.

    The emotion is 0, 1, or ``u`` where nobody said. Names alone are looked at, so all are listed even where
    one ``subject`` is asked for.

    Raises:
        DataError: no folder, no clip, or an unknown emotion.
    """
    unknown, rows = list[str](), list[Row]()
    for path in walk(root, ".json", TITLE):
        found = NAME.fullmatch(path)
        if found:
            whom, video, _, word = found.groups()
            on = next((SPLITS[folder] for folder in path.split("/")[:-1] if folder in SPLITS), NONE)
            key = (int(whom), int(video))
            rows.append(Row(Span(root / path), emotion(word, unknown), key, int(whom), on))
    refuse_unknown(unknown, len(rows), TITLE, "0, 1, or u for an unlabelled clip, as the name's last word")
    refuse_none(len(rows), TITLE, "train/Sample0001_0_1_1.json")
    return listing(TITLE, SMG, rows)


def frames(path: Path) -> Floats | str:
    """Read a clip: (L, 25, 3) x, y, z, or what is wrong with it."""
    try:
        whole = np.asarray(json.loads(path.read_bytes())["skeletons"], np.float32)
    except (OSError, KeyError, TypeError, ValueError) as error:
        return JOINTS if "inhomogeneous" in str(error) else BROKEN
    if not len(whole):
        return EMPTY
    return whole if np.isfinite(whole).all() else BROKEN
