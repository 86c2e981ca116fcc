"""Decoded images in one array, and a cache of it on the site's own disk.

The cache is two files: ``pixels.npy``, opened memory-mapped, and ``index.json``, which says what the
pixels were made from. Each is written beside its place and renamed, the index last, so that a
process killed at any moment leaves either a whole cache or none.
"""

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from isofed.errors import DataError

PIXELS = "pixels.npy"
INDEX = "index.json"
CHUNK = 256  # images decoded before they are handed to the disk: bounds the memory
STALE_SECONDS = 3600.0  # a partial file untouched for so long belongs to a process that was killed
VERSION = 1  # of the decoding: a change of the pixels must change it


@dataclass(frozen=True)
class ImageFile:
    """One image on disk: where it lies, whom it shows and which camera took it, as published."""

    path: Path
    id: int
    camera: int


@dataclass(frozen=True)
class Images:
    """N images of one size.

    Attributes:
        pixels: (N, H, W, 3) uint8, red, green, blue; possibly memory-mapped and read-only.
        ids: (N,) int64, the person's number as published.
        cams: (N,) int64, the camera's number.
    """

    pixels: np.ndarray
    ids: np.ndarray
    cams: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, rows: slice | np.ndarray) -> np.ndarray:
        """Return what the network is fed for these rows: (n, H, W, 3) uint8."""
        return self.pixels[rows]


def decode(files: Sequence[ImageFile], height: int, width: int) -> np.ndarray:
    """Read images as (N, height, width, 3) uint8, resized with Lanczos' filter.

    Raises:
        DataError: images that cannot be read, as a count for each camera and no name.
    """
    pixels = np.zeros((len(files), height, width, 3), np.uint8)
    _refuse(_decode_into(pixels, files), files)
    return pixels


def load(files: Sequence[ImageFile], height: int, width: int) -> Images:
    """Decode ``files`` into memory; errors as :func:`decode`."""
    return _images(decode(files, height, width), files)


def cached(folder: Path, files: Sequence[ImageFile], height: int, width: int) -> Images:
    """Return the images of ``files``, decoded once into ``folder`` and memory-mapped from there.

    The cache is used again while the list of files, their sizes, their times of change and the size
    asked for stay the same, and made anew otherwise.

    Raises:
        DataError: as :func:`decode`.
    """
    if not files:
        return load(files, height, width)
    index = _index(files, height, width)
    pixels = _reuse(folder, index)
    if pixels is None:
        _build(folder, files, index)
        pixels = _reuse(folder, index)
    if pixels is None:
        raise DataError("the image cache changed while it was written; expected one writer: run it again")
    return _images(pixels, files)


def readable(file: ImageFile, height: int, width: int) -> np.ndarray | None:
    """Return one image as (height, width, 3) uint8, or None where it cannot be decoded."""
    try:
        with Image.open(file.path) as image:
            resized = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return np.asarray(resized)


def _decode_into(pixels: np.ndarray, files: Sequence[ImageFile]) -> Counter[int]:
    """Fill ``pixels`` and return how many images of each camera could not be read."""
    bad: Counter[int] = Counter()
    for row, file in enumerate(files):
        image = readable(file, *pixels.shape[1:3])
        if image is None:
            bad[file.camera] += 1
        else:
            pixels[row] = image
    return bad


def _refuse(bad: Counter[int], files: Sequence[ImageFile]) -> None:
    """Raise for images that could not be read; far from their handler, so that no path hangs on it."""
    total = Counter(file.camera for file in files)
    counts = [f"{bad[camera]} of {total[camera]} images of camera {camera}" for camera in sorted(bad)]
    if counts:
        raise DataError(
            f"{' and '.join(counts)} cannot be read; expected whole images: "
            "'isofed data check LAYOUT DIR' names them"
        )


def _images(pixels: np.ndarray, files: Sequence[ImageFile]) -> Images:
    ids = np.array([file.id for file in files], np.int64)
    cams = np.array([file.camera for file in files], np.int64)
    return Images(pixels, ids, cams)


def _index(files: Sequence[ImageFile], height: int, width: int) -> dict[str, object]:
    """Say what a cache is made from; the file list enters as a hash, so that no name is kept."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        try:
            stat = os.stat(file.path)
            seen = [file.camera, file.id, file.path.name, stat.st_size, stat.st_mtime_ns]
        except OSError:
            seen = [file.camera, file.id, file.path.name, "missing"]
        digest.update(json.dumps(seen).encode())
    shape = [len(files), height, width, 3]
    return {"version": VERSION, "shape": shape, "files": digest.hexdigest()}


def _reuse(folder: Path, index: dict[str, object]) -> np.ndarray | None:
    """Open the cache read-only if it was made from the same files at the same size."""
    try:
        if json.loads((folder / INDEX).read_text()) != index:
            return None
        pixels = np.load(folder / PIXELS, mmap_mode="r")
    except (OSError, ValueError):
        return None
    return pixels if list(pixels.shape) == index["shape"] and pixels.dtype == np.uint8 else None


def _build(folder: Path, files: Sequence[ImageFile], index: dict[str, object]) -> None:
    """Write the cache: the old index goes first, the new one comes last."""
    folder.mkdir(parents=True, exist_ok=True)
    _sweep(folder)
    pixels, done = folder / f"{PIXELS}.{os.getpid()}.partial", folder / f"{INDEX}.{os.getpid()}.partial"
    try:
        _write_pixels(pixels, files, tuple(index["shape"]))  # type: ignore[arg-type]
        (folder / INDEX).unlink(missing_ok=True)
        os.replace(pixels, folder / PIXELS)
        done.write_text(json.dumps(index))
        os.replace(done, folder / INDEX)
    finally:
        pixels.unlink(missing_ok=True)
        done.unlink(missing_ok=True)


def _write_pixels(path: Path, files: Sequence[ImageFile], shape: tuple[int, ...]) -> None:
    """Decode all files into one .npy file, a chunk at a time."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    bad: Counter[int] = Counter()
    for start in range(0, len(files), CHUNK):
        bad += _decode_into(array[start : start + CHUNK], files[start : start + CHUNK])
    _refuse(bad, files)
    array.flush()


def _sweep(folder: Path) -> None:
    """Remove what killed writers left; a younger partial file may belong to a living process."""
    for path in folder.glob("*.partial"):
        if time.time() - path.stat().st_mtime > STALE_SECONDS:
            path.unlink(missing_ok=True)
