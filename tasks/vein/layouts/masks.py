"""The masks beside the pictures of FingerVeinSyn-5M, under both names that their folders have.

A mask has the picture's name and size, and holds 0 and 255.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isofed.errors import DataError
from isofed.suggest import pick
from isofed.tasks.task import Finding
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
        DataError: there is none, it cannot be read, or it is not of the picture's size.
        ConfigError: an unknown kind.
    """
    folders = pick("mask", kind, FOLDERS)
    found = next((path for path in _places(file, kind) if path.is_file()), None)
    pixels = None if found is None else _read(found)
    if pixels is None:
        raise DataError(
            f"a picture has no {kind} mask that can be read; expected a PNG of its name under {folders[0]} "
            f"or {folders[1]}: copy the folder again"
        )
    size = _size(file.path)
    if size is not None and pixels.shape != size:
        raise DataError(
            f"a {kind} mask is {pixels.shape[1]} x {pixels.shape[0]}; expected {size[1]} x {size[0]} as its "
            "picture, on which it lies pixel by pixel: copy the folder of masks again"
        )
    return pixels


def check_masks(root: Path, files: Sequence[VeinFile]) -> Iterator[Finding]:
    """Open every mask of the kinds that are there, and name those that do not fit their picture.

    For the local command ``isofed data check`` alone: its findings name files.

    Args:
        root: of the tree; files are named from there on.
        files: pictures of FingerVeinSyn-5M; of pictures without annotations nothing is asked.
    """
    for kind in FOLDERS:
        if files[0].crop != "annotated" or not any(
            _above(place).is_dir() for place in _places(files[0], kind)
        ):
            continue
        wrong = [(file, problem) for file in files if (problem := _problem(file, kind))]
        for file, problem in wrong:
            yield Finding(
                file.path.relative_to(root).as_posix(), problem, f"a {kind} mask of its size", False
            )
        good = f"{len(files) - len(wrong)} of {len(files)}"
        yield Finding(f"{kind} masks that fit their pictures", good, "all", not wrong)


def _problem(file: VeinFile, kind: str) -> str:
    try:
        mask(file, kind)
    except DataError as error:
        return str(error).partition(";")[0]
    return ""


def _places(file: VeinFile, kind: str) -> list[Path]:
    """Return where a picture's mask may lie."""
    above, _, rest = file.path.as_posix().rpartition(f"{RAW}/")
    return [Path(above) / folder / rest for folder in FOLDERS[kind]]


def _above(place: Path) -> Path:
    """Return the folder of masks that a place is in, a finger's folder between."""
    return place.parent.parent


def _size(path: Path) -> tuple[int, int] | None:
    """Return rows and columns of a picture; None where it cannot be told, which opening the picture says."""
    with suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError), Image.open(path) as image:
        return image.height, image.width
    return None


def _read(path: Path) -> NDArray[np.bool_] | None:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L")) > 127
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
