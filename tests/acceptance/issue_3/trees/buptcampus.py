"""BUPTCampus at the counts known of it, with two frames of 8 x 4 pixels for a tracklet.

Published are 3080 persons, of whom 1074 are trained on. The other counts are those that programs reading
the data remark: 3574 pairs to train on, 930 auxiliary persons with a pair each, 1076 test persons with a
query each, 536 of them infrared, and 2422 pairs in the gallery. How these are spread over persons and cameras
is not known (here, evenly), nor how many frames a tracklet has.
"""

import json
from pathlib import Path

import numpy as np

from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.layouts.buptcampus.read import CAMERAS, DATA, PATHS
from isofed.tasks.reid.layouts.buptcampus.write import Paths, enter
from isofed.tasks.reid.layouts.filming import Scene

TRAINED, TESTED, AUXILIARY = 1074, 1076, 930
PAIRS, INFRARED_QUERIES, GALLERY = 3574, 536, 2422
FRAMES = 2


def write(root: Path) -> None:
    """Write the tree to ``root``, without a mark, so that it is compared with the published counts."""
    tested, others = TRAINED + 1, TRAINED + TESTED + 1
    lists = {
        "train.txt": [("RGB/IR", scene) for scene in _scenes(1, TRAINED, PAIRS)],
        "train_auxiliary.txt": [("RGB/IR", scene) for scene in _scenes(others, AUXILIARY, AUXILIARY)],
        "query.txt": [
            ("IR" if place < INFRARED_QUERIES else "RGB", scene)
            for place, scene in enumerate(_scenes(tested, TESTED, TESTED))
        ],
        "gallery.txt": [
            (part, Scene(scene.camera, scene.id, scene.number + 1))
            for scene in _scenes(tested, TESTED, GALLERY)
            for part in ("RGB", "IR")
        ],
    }
    paths: Paths = {}
    names = [
        name
        for lines in lists.values()
        for modality, scene in lines
        for part in modality.split("/")
        for name in enter(paths, scene, part, FRAMES)
    ]
    _frames(root / DATA, names)
    (root / PATHS).write_text(json.dumps(paths))
    for file, lines in lists.items():
        rows = [f"{s.id} {modality} {CAMERAS[s.camera - 1]} {s.number}\n" for modality, s in lines]
        (root / file).write_text("".join(rows))


def _scenes(first: int, persons: int, count: int) -> list[Scene]:
    """Spread walks evenly over persons numbered from ``first``, each person's over the cameras in turn."""
    cameras = len(CAMERAS)
    return [
        Scene(1 + (n % persons + n // persons) % cameras, first + n % persons, 1 + n // (persons * cameras))
        for n in range(count)
    ]


def _frames(folder: Path, names: list[str]) -> None:
    jpeg = encode(np.full((1, 8, 4), 120, np.uint8))[0]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(jpeg)
