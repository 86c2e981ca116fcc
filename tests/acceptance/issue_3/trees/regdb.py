"""RegDB at its real counts with images of 8 x 4 pixels: a tree in seconds for ``isofed data check regdb``."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from isofed.tasks.layouts.tree import MARK, encode
from isofed.tasks.reid.layouts.regdb.read import CAMERAS, SPLITS
from isofed.tasks.reid.layouts.regdb.write import Folder, Split, write_regdb

PERSONS, TRAINED, IMAGES = 412, 206, 10


def write(root: Path) -> None:
    """Write the tree to ``root``, without a mark, so that it is compared with the published counts."""
    rng = np.random.default_rng(0)
    orders = [1 + rng.permutation(PERSONS) for _ in SPLITS]
    splits = [Split(tuple(sorted(order[:TRAINED])), tuple(sorted(order[TRAINED:]))) for order in orders]
    write_regdb(root, _folders(rng), splits, {})
    (root / MARK).unlink()


def _folders(rng: np.random.Generator) -> Iterator[Folder]:
    for camera in CAMERAS:
        shape = (IMAGES, 8, 4, 3) if camera.modality == "visible" else (IMAGES, 8, 4)
        for person in range(1, PERSONS + 1):
            yield Folder(camera, person, encode(rng.integers(0, 256, shape, np.uint8), "BMP"))
