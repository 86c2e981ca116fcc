"""Writing a made data set in a published layout, so that the one reader reads it.

The tree is written under ``out.partial`` and renamed when whole. The first file in it is
``synthetic.json``: it says that the tree was made, with which counts to expect, and that it may be
made again; a folder without it is never removed.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from isofed.errors import DataError

MARK = "synthetic.json"
DECLARED = "isofed-level.txt"
QUALITY = 92  # of JPEG files, 1..95

File = tuple[str, bytes]


def encode(pixels: np.ndarray, kind: str = "JPEG") -> tuple[bytes, ...]:
    """Encode (n, H, W, 3) as colour or (n, H, W) as grey files, dtype uint8.

    Args:
        pixels: the images.
        kind: of file, such as ``JPEG``, ``BMP`` or ``PNG``.
    """
    return tuple(_encode(image, kind) for image in pixels)


def write_tree(out: Path, files: Iterable[File], mark: Mapping[str, object]) -> None:
    """Write a tree of files as they come.

    A writer that is killed leaves ``out`` as it was; the next one starts clean.

    Args:
        out: the root to be; it may be missing, empty, or an earlier tree of ours, which is replaced.
        files: (path below the root with ``/``, bytes) of every file, each once.
        mark: what ``synthetic.json`` shall hold, as JSON values.

    Raises:
        DataError: ``out`` or ``out.partial`` holds something that was not made here.
    """
    with placed(out, mark) as partial:
        _write(partial, files)


@contextmanager
def placed(out: Path, mark: Mapping[str, object], resume: bool = False) -> Iterator[Path]:
    """Give a folder to write a tree into, its mark already there, and rename it to ``out`` at the end.

    Args:
        out: the root to be.
        mark: what ``synthetic.json`` shall hold, as JSON values.
        resume: whether to keep what a killed writer of the same mark left in the folder.

    Raises:
        DataError: as :func:`write_tree`.
    """
    out = out.resolve() if out.is_symlink() else out
    partial = out.with_name(out.name + ".partial")
    _refuse_foreign(out)
    _refuse_foreign(partial)
    if not (resume and _begun(partial, mark)):
        _clear(partial)
        partial.mkdir(parents=True)
        (partial / MARK).write_text(json.dumps(mark, indent=1))
    yield partial
    _refuse_undeclared(out, partial)
    _clear(out)
    os.replace(partial, out)


def _begun(partial: Path, mark: Mapping[str, object]) -> bool:
    """Tell whether a killed writer of the same mark left this; one killed while it wrote the mark did not."""
    with suppress(DataError):
        return read_mark(partial) == json.loads(json.dumps(mark))
    return False


def read_mark(root: Path) -> dict[str, Any] | None:
    """Return what ``synthetic.json`` holds, or None where a tree was not made here.

    Raises:
        DataError: the file cannot be read.
    """
    if not (root / MARK).is_file():
        return None
    try:
        return dict(json.loads((root / MARK).read_text()))
    except (OSError, ValueError, TypeError):
        pass
    raise DataError(
        f"{MARK} in '{root}' cannot be read; expected the counts that its maker wrote: make the tree again"
    )


def _write(root: Path, files: Iterable[File]) -> None:
    made: set[Path] = set()
    for name, data in files:
        path = root / name
        if path.parent not in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            made.add(path.parent)
        path.write_bytes(data)


def _encode(image: np.ndarray, kind: str) -> bytes:
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, kind, **({"quality": QUALITY} if kind == "JPEG" else {}))
    return buffer.getvalue()


def _refuse_foreign(folder: Path) -> None:
    """Raise where ``folder`` is a file, or holds things but not our mark."""
    ours = not folder.exists() or (folder / MARK).is_file() or (folder.is_dir() and not any(folder.iterdir()))
    if not ours:
        raise DataError(
            f"'{folder}' holds something that was not made by isofed; expected a new or empty folder: name "
            "another one"
        )


def _refuse_undeclared(out: Path, partial: Path) -> None:
    """Raise where a declaration of a level lies in an earlier tree, and not in the one that is to replace it:
    what was declared of data would be forgotten."""
    for path in out.rglob(DECLARED) if out.exists() else ():
        if not (partial / path.relative_to(out)).exists():
            raise DataError(
                f"'{path}' declares a level, and would be lost; name another folder, or remove it yourself"
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
