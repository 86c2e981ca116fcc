"""HITSZ-VCM at its published counts: lists of 463,259 names, and as many frames, most of them links.

Published are 927 persons (500 to train on), 463,259 frames and 11,785 visible and 10,078 infrared tracklets.
How these are spread over persons and cameras is not: here, evenly. Every name leads to a file; the frames of
a person are hard links to one grey image of 8 x 4 pixels, so that the tree takes little room.
"""

import os
from pathlib import Path

import numpy as np

from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.layouts.hitsz_vcm.read import CAMERAS, TEST, TRAIN
from isofed.tasks.reid.layouts.hitsz_vcm.write import INFRARED, VISIBLE, Listing, frame, list_files

PERSONS, TRAINED = 927, 500
FRAMES = 463259
TRACKLETS = {VISIBLE: 11785, INFRARED: 10078}


def write(root: Path) -> None:
    """Write the tree to ``root``, without a mark, so that it is compared with the published counts."""
    halves = {TRAIN: Listing(), TEST: Listing()}
    jpeg = encode(np.full((1, 8, 4), 120, np.uint8))[0]
    films = [(modality, number) for modality, count in TRACKLETS.items() for number in range(count)]
    lengths = np.diff(np.arange(len(films) + 1) * FRAMES // len(films)).tolist()
    numbered: dict[tuple[int, int, int], int] = {}
    for (modality, number), length in zip(films, lengths, strict=True):
        person, camera = 1 + number % PERSONS, CAMERAS[number // PERSONS % len(CAMERAS)]
        side = TRAIN if person <= TRAINED else TEST
        first = numbered.get((modality, person, camera), 0) + 1
        numbered[modality, person, camera] = first + length - 1
        made = [frame(modality, person, camera, number, first + i) for i in range(length)]
        halves[side].add(modality, person, camera, [name for name, _ in made])
        _link(root / side, f"{person:04d}", [path for _, path in made], jpeg)
    for name, data in list_files(halves[TRAIN], halves[TEST]):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def _link(folder: Path, person: str, paths: list[str], jpeg: bytes) -> None:
    """Make files of one person, all of them the same one: a file system bounds the links to one."""
    source = folder / person / "frame.jpg"
    (folder / paths[0]).parent.mkdir(parents=True, exist_ok=True)
    if not source.exists():
        source.write_bytes(jpeg)
    for path in paths:
        os.link(source, folder / path)
