"""What all readers of a layout do alike. Errors here name neither a file of images nor a person."""

import os
from collections.abc import Sequence
from pathlib import Path

from isofed.errors import DataError
from isofed.tasks.reid.layouts.images import ImageFile

LAST_ID = 9999  # four digits name a person's folder


def number_line(root: Path, name: str, shown: str) -> tuple[int, ...]:
    """Read a file that holds one comma-separated line of different person numbers from 1 to 9999.

    Args:
        root: of the tree.
        name: of the file, below the root.
        shown: what an error calls the root.

    Raises:
        DataError: there is no such file, or it holds something else.
    """
    advice = "expected one line such as 1,2,3: restore the published file"
    fields = [field.strip() for field in read_text(root, name, shown, advice).strip().split(",")]
    if not all(field.isascii() and field.isdigit() and 1 <= int(field) <= LAST_ID for field in fields):
        raise DataError(f"{name} in {shown} is not a line of numbers from 1 to {LAST_ID}; {advice}")
    numbers = tuple(int(field) for field in fields)
    if len(set(numbers)) < len(numbers):
        raise DataError(f"{name} in {shown} lists a number more than once; {advice}")
    return numbers


def read_text(root: Path, name: str, shown: str, advice: str) -> str:
    """Return the text of a list; empty where it is no text.

    Raises:
        DataError: the file is missing.
    """
    try:
        return (root / name).read_text()
    except FileNotFoundError:
        pass
    except (OSError, UnicodeDecodeError):
        return ""
    raise DataError(f"{name} is missing in {shown}; {advice}")


def image_names(folder: Path) -> list[str]:
    """Return the sorted names of a person's JPEG images; none where the folder is missing.

    Raises:
        DataError: the folder cannot be listed.
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError:
        names = None
    if names is None:
        raise DataError(
            "a person's folder cannot be listed; expected a readable folder of images: check its permissions"
        )
    return sorted(name for name in names if name.lower().endswith(".jpg") and not name.startswith("."))


def refuse_empty(files: Sequence[ImageFile], where: str, layout: str, kind: str = "JPEG") -> None:
    """Raise DataError where image files are empty or missing.

    Args:
        files: all that are wanted from one place.
        where: that place in words, such as ``cam1 in the data folder``.
        layout: whose check names the files.
        kind: of file, for the text.
    """
    empty = sum(_empty(file.path) for file in files)
    if empty:
        raise DataError(
            f"{empty} of {len(files)} image files under {where} are empty or missing; expected {kind} "
            f"images: copy them again ('isofed data check {layout} DIR' names them)"
        )


def _empty(path: Path) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return True
