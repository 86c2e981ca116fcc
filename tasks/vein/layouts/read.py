"""Opening a database, the same way for all: find its pictures, know whom they show, cut the fingers out.

Errors here name no file and no person; they may name the folder that was given where ``shown`` says it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.suggest import pick
from isofed.tasks.vein.benchmarks.rules import Takes
from isofed.tasks.vein.layouts.crop import HEIGHT, WIDTH
from isofed.tasks.vein.layouts.database import Database, Part, Take, pattern, spelt, understood
from isofed.tasks.vein.layouts.pictures import VeinFile, cached, decode

CLIENT = "the data folder"  # what an error calls the root where no path may be told
RAW, NOTES = "raw_images", "annotations"


@dataclass(frozen=True)
class Fingers:
    """N pictures of fingers.

    Attributes:
        pixels: (N, H, W) uint8, 100 x 300 unless another size was asked for, possibly memory-mapped and
            read-only.
        takes: whom they show.
    """

    pixels: NDArray[np.uint8]
    takes: Takes

    def __len__(self) -> int:
        return len(self.pixels)


def open_fingers(root: Path, database: Database, cache: Path | None = None, part: str = "") -> Fingers:
    """Open a database.

    Args:
        root: of the tree, or a folder above it.
        database: which.
        cache: folder for the decoded pictures; None to hold them in memory.
        part: which kind of its pictures; the first where none is named.

    Raises:
        DataError: no folder, no picture of the layout, two of one name, empty files, pictures that cannot be
            read or of several sizes, an annotation without a box: one sentence without any path.
        ConfigError: the database has no such part.
    """
    return shown(list_files(root, database, part), database, cache)


def shown(
    files: Sequence[VeinFile],
    database: Database,
    cache: Path | None = None,
    size: tuple[int, int] = (HEIGHT, WIDTH),
) -> Fingers:
    """Open some of a database's pictures; arguments and errors as of :func:`open_fingers`.

    Args:
        files: which, of :func:`list_files`.
        size: rows and columns of what is opened, pixels.
    """
    refuse_empty(files, database)
    if cache is None:
        return Fingers(decode(files, database.title, size), takes_of(files))
    return Fingers(cached(cache, files, database.title, size), takes_of(files))


def list_files(root: Path, database: Database, part: str = "", shown: str = CLIENT) -> tuple[VeinFile, ...]:
    """List a database's pictures by subject, finger, session and sample; none is opened.

    Args:
        root: of the tree, or a folder above it.
        database: which.
        part: which kind of its pictures; the first that is there where none is named.
        shown: what an error calls the root.

    Raises:
        DataError: no folder, no picture of the layout, or two of one name.
        ConfigError: the database has no such part.
    """
    chosen, found = located(root, database, part, shown)
    if not found:
        example = spelt(database, chosen, Take(1, 1, 1, 1))
        raise DataError(
            f"{shown} holds no image of {database.title}; expected names such as {example}: give the folder "
            "that the archive was unpacked into"
        )
    double = len(found) - len({take for take, _ in found})
    if double:
        raise DataError(
            f"{double} of {len(found)} images of {database.title} in {shown} show a finger, session and "
            "sample that another shows; expected each once: give a folder that holds one copy"
        )
    return tuple(VeinFile(root / path, take, chosen.crop, _note(root, path, chosen)) for take, path in found)


def located(
    root: Path, database: Database, part: str = "", shown: str = CLIENT
) -> tuple[Part, list[tuple[Take, str]]]:
    """Return the kind of pictures that is there, of several the first, and whom they show by their paths.

    Arguments and errors as of :func:`list_files`; where nothing is found, there is no error.
    """
    kinds = [pick("part", part, database.parts)] if part else list(database.parts.values())
    if not root.is_dir():
        raise DataError(
            f"{shown} is not a folder; expected the root of {database.title}: give the folder that the "
            "archive was unpacked into"
        )
    for kind in kinds:
        found = understood(database, _walk(root, kind), pattern(database, kind))
        if found:
            return kind, found
    return kinds[0], []


def takes_of(files: Sequence[VeinFile]) -> Takes:
    """Return whom the files show."""
    rows = np.array([list(vars(file.take).values()) for file in files], np.int64).reshape(-1, 4)
    return Takes(*rows.T)


def refuse_empty(files: Sequence[VeinFile], database: Database) -> None:
    """Raise DataError where files are empty, as an interrupted copy leaves them."""
    empty = sum(_empty(file.path) for file in files)
    if empty:
        raise DataError(
            f"{empty} of {len(files)} image files of {database.title} are empty; expected "
            f"{database.part().kind} images: copy them again ('isofed data check {database.name} DIR' names "
            "them)"
        )


def _walk(root: Path, part: Part) -> list[str]:
    """Return all paths below the root, sorted; only the part's own folder where it lies at the root."""
    first = part.template.split("/")[0]
    top = root / first if (root / first).is_dir() else root
    ending = part.template[part.template.rindex(".") :].lower()
    found = []
    for folder, inner, names in os.walk(top):
        inner.sort()
        below = Path(folder).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        found += [prefix + name for name in names if name.lower().endswith(ending) and name[0] != "."]
    return sorted(found)


def _note(root: Path, path: str, part: Part) -> Path | None:
    """Return where the annotation of an annotated picture lies: in the folder beside, of the same name."""
    if part.crop != "annotated":
        return None
    above, _, rest = path.rpartition(f"{RAW}/")
    return (root / above / NOTES / rest).with_suffix(".xml")


def _empty(path: Path) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return True
