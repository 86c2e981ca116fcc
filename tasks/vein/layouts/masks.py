"""The masks beside the pictures of FingerVeinSyn-5M, under both names that their folders have.

A mask has the picture's name and size, and holds 0 and 255.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isofed.errors import DataError
from isofed.suggest import pick
from isofed.tasks.vein.layouts.pictures import VeinFile
from isofed.tasks.vein.layouts.read import RAW

# as the data set's description calls them, and as its repository does
FOLDERS = {
    "shape": ("shape_masks", "finger_shape_masks"),
    "veins": ("pattern_masks", "vein_pattern_masks"),
}


def mask(file: VeinFile, kind: str) -> NDArray[np.bool_]:
    """Return a picture's mask, (H, W).

    Args:
        file: of a tree of FingerVeinSyn-5M.
        kind: ``shape``, the whole finger, or ``veins``.

    Raises:
        DataError: there is none, or it cannot be read.
        ConfigError: an unknown kind.
    """
    folders = pick("mask", kind, FOLDERS)
    above, _, rest = file.path.as_posix().rpartition(f"{RAW}/")
    found = next(
        (path for path in (Path(above) / folder / rest for folder in folders) if path.is_file()), None
    )
    pixels = None if found is None else _read(found)
    if pixels is None:
        raise DataError(
            f"a picture has no {kind} mask that can be read; expected a PNG of its name under {folders[0]} "
            f"or {folders[1]}: copy the folder again"
        )
    return pixels


def _read(path: Path) -> NDArray[np.bool_] | None:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L")) > 127
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
