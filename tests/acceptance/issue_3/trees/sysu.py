"""SYSU-MM01 at its real counts with images of 8 x 4 pixels: a tree in seconds for ``isofed data check sysu``.

How many images every person has before every camera comes from the published permutations, which lie in
the folder ``shared/data/sysu_mm01_protocol`` beside the repository, with the lists of persons to train on
(296) and to test on (96). The 99 persons for validation have no list there: they are all others who were
seen by a visible and by an infrared camera; 22 more were not, and are in no list, as in the data set.
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.io import loadmat

from isofed.tasks.layouts.tree import MARK, encode
from isofed.tasks.reid.benchmarks.draws import load_permutations
from isofed.tasks.reid.layouts.sysu.read import EXP, INFRARED, VISIBLE
from isofed.tasks.reid.layouts.sysu.write import Folder, write_sysu

PROTOCOL = Path(__file__).resolve().parents[5] / "shared" / "data" / "sysu_mm01_protocol"
PERMUTATIONS = "rand_perm_cam.mat"
COLOUR = encode(np.arange(96, dtype=np.uint8).reshape(1, 8, 4, 3))[0]
GREY = encode(np.arange(32, dtype=np.uint8).reshape(1, 8, 4))[0]

Counts = dict[tuple[int, int], int]  # (person, camera) -> images


def write(root: Path) -> None:
    """Write the tree to ``root``, without a mark, so that it is compared with the published counts.

    The permutations go with it, as they do with the data set's evaluation.
    """
    if not PROTOCOL.is_dir():
        sys.exit(f"{PROTOCOL} is missing; the real counts of SYSU-MM01 cannot be had without its files")
    images = {key: table.shape[1] for key, table in load_permutations(PROTOCOL / PERMUTATIONS).items()}
    write_sysu(root, _folders(images), _lists(images), {})
    (root / MARK).unlink()
    shutil.copyfile(PROTOCOL / PERMUTATIONS, root / EXP / PERMUTATIONS)


def _lists(images: Counts) -> dict[str, list[int]]:
    train, test = _numbers("train_id.mat"), _numbers("test_id.mat")
    seen_in_both = {p for p, c in images if c in VISIBLE} & {p for p, c in images if c in INFRARED}
    validation = sorted(seen_in_both - set(train) - set(test))
    return {"train_id.txt": train, "val_id.txt": validation, "test_id.txt": test}


def _numbers(name: str) -> list[int]:
    return sorted(int(number) for number in loadmat(PROTOCOL / name)["id"].ravel())


def _folders(images: Counts) -> Iterator[Folder]:
    for (person, camera), count in images.items():
        yield Folder(camera, person, (GREY if camera in INFRARED else COLOUR,) * count)
