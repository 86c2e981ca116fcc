"""Comparing a tree on disk with a database's published counts, and opening every image.

For the local command ``isofed data check NAME DIR`` alone: its findings name files.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from isofed.tasks.layouts import checking
from isofed.tasks.layouts.tree import read_mark
from isofed.tasks.task import Finding, Progress
from isofed.tasks.vein.benchmarks.rules import Takes
from isofed.tasks.vein.drawing.sensors import preset
from isofed.tasks.vein.layouts.database import Database, Part
from isofed.tasks.vein.layouts.masks import check_masks
from isofed.tasks.vein.layouts.pictures import Shot, VeinFile, read
from isofed.tasks.vein.layouts.read import list_files, located, takes_of

Sizes = Counter[tuple[int, int]]


@dataclass(frozen=True)
class Counts:
    """What a tree holds of one kind of pictures."""

    subjects: int
    fingers: int
    images: int


def published(database: Database) -> Counts:
    """Return what a whole copy holds."""
    return Counts(database.subjects, database.subjects * len(database.fingers), database.total())


def pairs(fingers: int, samples: int) -> tuple[int, int]:
    """Return (genuine, impostor) comparisons: n k (k - 1) / 2 and n (n - 1) k^2 / 2.

    Args:
        fingers: n.
        samples: k of each, in all sessions.
    """
    return fingers * samples * (samples - 1) // 2, fingers * (fingers - 1) // 2 * samples**2


def check_database(
    root: Path, database: Database, progress: Progress | None = None, part: str = ""
) -> list[Finding]:
    """Compare ``root`` with the published counts and open every image and annotation.

    A tree made by :mod:`isofed.tasks.vein.layouts.write` is compared with the counts in its
    ``synthetic.json``. ``progress`` is called with the images opened and their total.

    Raises:
        DataError: there is no tree to look at.
        ConfigError: the database has no such part.
    """
    files = list_files(root, database, part, f"'{root}'")
    kind, _ = located(root, database, part)
    expected = checking.expected_counts(root, published(database), counts_from)
    sizes: Sizes = Counter()
    broken = list(_broken(root, files, sizes, progress))
    good = f"{len(files) - len(broken)} of {len(files)}"
    return [
        *checking.compare(_rows(_count(files), expected)),
        _one_size(sizes, as_drawn(root, kind)),
        *broken,
        *check_masks(root, files),
        Finding("images that can be read", good, "all", not broken),
        _comparable(takes_of(files)),
        *_hearsay(database),
    ]


def as_drawn(root: Path, part: Part) -> Part:
    """Return a part with the size that the sensor's pictures have with which a tree was drawn, if one was."""
    drawn = (read_mark(root) or {}).get("options", {})
    if "sensor" not in drawn or part.crop == "whole":
        return part
    sensor = preset(str(drawn["sensor"]))
    return replace(part, height=sensor.height, width=sensor.width)


def counts_from(expected: Mapping[str, Any]) -> Counts:
    """Read counts from what the writer wrote."""
    return Counts(*(int(expected[name]) for name in ("subjects", "fingers", "images")))


def _count(files: Sequence[VeinFile]) -> Counts:
    takes = takes_of(files)
    return Counts(len(set(takes.subjects.tolist())), int(takes.ids().max()) + 1, len(files))


def _rows(found: Counts, expected: Counts) -> Iterator[checking.Row]:
    for name, count in vars(found).items():
        yield name, count, getattr(expected, name)


def _comparable(takes: Takes) -> Finding:
    """Say whether there is anything to compare: a finger that is shown once has no genuine comparison."""
    several = int((np.bincount(takes.ids()) > 1).sum())
    return Finding("fingers shown more than once", str(several), "1 or more", several > 0)


def _broken(
    root: Path, files: Sequence[VeinFile], sizes: Sizes, progress: Progress | None
) -> Iterator[Finding]:
    """Yield a finding for each picture that cannot be read, and count the sizes of the others."""
    for done, file in enumerate(files, 1):
        shot = read(file)
        if isinstance(shot, Shot):
            sizes[shot.pixels.shape[0], shot.pixels.shape[1]] += 1
        else:
            yield Finding(file.path.relative_to(root).as_posix(), "cannot be read", shot, False)
        if progress is not None:
            progress(done, len(files))


def _one_size(sizes: Sizes, part: Part) -> Finding:
    told = ", ".join(f"{width} x {height}" for height, width in sorted(sizes)) or "none"
    right = len(sizes) == 1 and (not part.certain or (part.height, part.width) in sizes)
    source = "" if part.certain else " (not verified: any one size will do)"
    return Finding("width x height", told, f"{part.width} x {part.height}{source}", right)


def _hearsay(database: Database) -> Iterator[Finding]:
    if database.unverified:
        words = "; ".join(database.unverified)
        yield Finding("assumed, not verified", words, "compare with the database's own description", True)
