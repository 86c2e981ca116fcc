"""Decoded, cut-out pictures in one array, and a cache of it on the site's own disk.

The cache is two files: ``fingers.npy``, opened memory-mapped, and ``index.json``, which says what it was made
from. Each is written beside its place and renamed, the index last, so that a process killed at any moment
leaves either a whole cache or none.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from isofed.errors import DataError
from isofed.files import atomic, write_json
from isofed.tasks.vein.layouts.annotation import Annotation, parse
from isofed.tasks.vein.layouts.crop import CROPS, HEIGHT, WIDTH, resized
from isofed.tasks.vein.layouts.database import Take

PIXELS, INDEX = "fingers.npy", "index.json"
VERSION = 1  # of decoding and cropping: a change of the pixels must change it
BROKEN, UNTOLD = "whole images", "whole annotations"  # what was expected where something cannot be read


@dataclass(frozen=True)
class VeinFile:
    """One picture on disk.

    Attributes:
        path: where it lies.
        take: whom it shows.
        crop: how the finger is cut out, a key of ``CROPS``.
        note: where its annotation lies, or None.
    """

    path: Path
    take: Take
    crop: str
    note: Path | None = None


@dataclass(frozen=True)
class Shot:
    """A picture as it was read: (H, W) uint8 grey, and its annotation."""

    pixels: NDArray[np.uint8]
    note: Annotation | None


def cached(
    folder: Path, files: Sequence[VeinFile], title: str, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> NDArray[np.uint8]:
    """Return the fingers of ``files``, (N, H, W) uint8, cut out once into ``folder`` and memory-mapped.

    The cache is used again while the list of files, their sizes and times of change stay the same, and made
    anew otherwise.

    Args:
        folder: the site's own.
        files: one or more.
        title: the database's, for the text of errors.
        size: H and W, pixels.

    Raises:
        DataError: as :func:`decode`.
    """
    index = _index(files, size)
    pixels = _reuse(folder, index)
    if pixels is None:
        (folder / INDEX).unlink(missing_ok=True)
        with atomic(folder / PIXELS) as file:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), *size)}
            np.lib.format.write_array_header_1_0(file, header)
            for finger in fingers(files, title, size):
                file.write(finger.tobytes())
        write_json(folder / INDEX, index)
        pixels = _reuse(folder, index)
    if pixels is None:
        raise DataError(
            "the cache of fingers changed while it was written; expected one writer: run it again"
        )
    return pixels


def decode(
    files: Sequence[VeinFile], title: str, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> NDArray[np.uint8]:
    """Return the fingers of ``files`` in memory, (N, H, W) uint8 of that size.

    Raises:
        DataError: pictures or annotations that cannot be read, or pictures of several sizes: as counts, and
            without any name.
    """
    return np.stack(list(fingers(files, title, size)))


def fingers(
    files: Sequence[VeinFile], title: str, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> Iterator[NDArray[np.uint8]]:
    """Yield the finger of each file, (H, W) uint8; errors as :func:`decode`, after the last one."""
    problems: Counter[str] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    for file in files:
        shot = read(file)
        if isinstance(shot, Shot):
            sizes[shot.pixels.shape[0], shot.pixels.shape[1]] += 1
            yield resized(CROPS[file.crop](shot.pixels, shot.note), size)
        else:
            problems[shot] += 1
    refuse(problems, sizes, len(files), title)


def read(file: VeinFile) -> Shot | str:
    """Return one picture, or what was expected where it or its annotation cannot be read."""
    try:
        with Image.open(file.path) as image:
            pixels = np.asarray(image.convert("L"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return BROKEN
    try:
        return Shot(pixels, parse(file.note.read_bytes()) if file.note else None)
    except (OSError, DataError):
        return UNTOLD


def refuse(problems: Counter[str], sizes: Counter[tuple[int, int]], total: int, title: str) -> None:
    """Raise for what could not be read, or where pictures are of several sizes; far from any path."""
    for expected, count in problems.items():
        what, fault = ("images", "") if expected == BROKEN else ("annotations", "have no ROI box or ")
        raise DataError(
            f"{count} of {total} {what} of {title} {fault}cannot be read; expected {expected}: copy them "
            "again ('isofed data check' names them)"
        )
    if len(sizes) > 1:
        told = ", ".join(f"{count} of {w} x {h}" for (h, w), count in sizes.most_common(3))
        raise DataError(
            f"the images of {title} have {len(sizes)} sizes ({told}); expected one, since a finger would not "
            "be of one size either: keep the pictures of one sensor in a folder"
        )


def _index(files: Sequence[VeinFile], size: tuple[int, int]) -> dict[str, object]:
    """Say what a cache is made from; the files enter as a hash, so that no name is kept."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        seen = [list(vars(file.take).values()), file.crop, _stat(file.path), _stat(file.note)]
        digest.update(json.dumps(seen).encode())
    return {"version": VERSION, "shape": [len(files), *size], "files": digest.hexdigest()}


def _stat(path: Path | None) -> list[object]:
    if path is None:
        return []
    try:
        stat = os.stat(path)
    except OSError:
        return [path.name, "missing"]
    return [path.name, stat.st_size, stat.st_mtime_ns]


def _reuse(folder: Path, index: dict[str, object]) -> NDArray[np.uint8] | None:
    """Open the cache read-only if it was made from the same files."""
    try:
        if json.loads((folder / INDEX).read_text()) != index:
            return None
        pixels: NDArray[np.uint8] = np.load(folder / PIXELS, mmap_mode="r")
    except (OSError, ValueError):
        return None
    return pixels if list(pixels.shape) == index["shape"] and pixels.dtype == np.uint8 else None
