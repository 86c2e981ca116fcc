"""Writing a made data set in SYSU-MM01's layout, so that the one reader reads it.

The tree is written under ``out.partial`` and renamed when whole. The first file in it is
``synthetic.json``: it says that the tree was made, with which counts to expect, and that it may be
made again; a folder without it is never removed.
"""

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.reid.layouts.sysu import EXP, TEST_LIST, TRAIN_LISTS, camera_folder

MARK = "synthetic.json"
QUALITY = 92  # of the JPEG files, 1..95


@dataclass(frozen=True)
class Folder:
    """One person's images from one camera, each as the bytes of a JPEG file."""

    camera: int
    id: int
    jpegs: tuple[bytes, ...]


def encode(pixels: np.ndarray) -> tuple[bytes, ...]:
    """Encode (n, H, W, 3) as colour or (n, H, W) as grey JPEG files, dtype uint8."""
    return tuple(_jpeg(image) for image in pixels)


def write_sysu(
    out: Path, folders: Iterable[Folder], lists: Mapping[str, Iterable[int]], mark: Mapping[str, object]
) -> None:
    """Write a tree: ``folders`` as they come, then the lists.

    A writer that is killed leaves ``out`` as it was; the next one starts clean.

    Args:
        out: the root to be; it may be missing, empty, or an earlier tree of ours, which is replaced.
        folders: all images.
        lists: person numbers under ``train_id.txt``, ``val_id.txt`` and ``test_id.txt``.
        mark: what ``synthetic.json`` shall hold, as JSON values.

    Raises:
        DataError: ``out`` or ``out.partial`` holds something that was not made here.
    """
    partial = out.with_name(out.name + ".partial")
    _refuse_foreign(out)
    _refuse_foreign(partial)
    _clear(partial)
    partial.mkdir(parents=True)
    (partial / MARK).write_text(json.dumps(mark, indent=1))
    _write(partial, folders, lists)
    _clear(out)
    os.replace(partial, out)


def _write(root: Path, folders: Iterable[Folder], lists: Mapping[str, Iterable[int]]) -> None:
    for folder in folders:
        person = camera_folder(root, folder.camera) / f"{folder.id:04d}"
        person.mkdir(parents=True)
        for number, data in enumerate(folder.jpegs, 1):
            (person / f"{number:04d}.jpg").write_bytes(data)
    (root / EXP).mkdir()
    for name in (*TRAIN_LISTS, TEST_LIST):
        (root / EXP / name).write_text(",".join(str(number) for number in lists[name]) + "\n")


def _jpeg(image: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _refuse_foreign(folder: Path) -> None:
    """Raise where ``folder`` is a file, or holds things but not our mark."""
    ours = not folder.exists() or (folder / MARK).is_file() or (folder.is_dir() and not any(folder.iterdir()))
    if not ours:
        raise DataError(
            f"'{folder}' holds something that was not made by isofed; expected a new or empty folder: name "
            "another one"
        )


def _clear(folder: Path) -> None:
    """Remove a tree of ours, its mark last, so that what a killed removal leaves is still ours."""
    if not folder.exists():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    (folder / MARK).unlink(missing_ok=True)
    folder.rmdir()
