"""The merged label table of CD6ME: 46 columns, a row for each clip of six databases."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.tasks.action_units.model import UNITS

TABLE = "cross_dataset_seq.csv"
KEYS = ("casme", "casme2", "samm", "fourd", "mmew", "casme3a")
TOLD = ("subject", "material", "onset", "apex", "offset", "apexf", "AU", "emotion", "n_frames", "dataset")
# the 36 units that anybody annotated; twelve of them are the task's
ANNOTATED = (1, 2, *range(4, 19), *range(20, 27), 28, 30, 31, 34, 38, 39, 43, 45, 56, 61, 63, 64)
COLUMNS = (*TOLD, *(f"AU{unit}" for unit in ANNOTATED))

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Clip:
    """One row of the table.

    Attributes:
        database: of ``KEYS``.
        subject: as written, leading zeros and all; people of two databases are two even where written alike.
        material: the clip's folder.
        onset, apex, offset: numbers of frames.
        text: the annotator's string of action units.
        emotion: as written.
        units: all that are annotated as present, by their numbers.
    """

    database: str
    subject: str
    material: str
    onset: int
    apex: int
    offset: int
    text: str
    emotion: str
    units: frozenset[int]

    @property
    def frames(self) -> int:
        """Number of frames from onset to offset, both included."""
        return self.offset - self.onset + 1

    @property
    def label(self) -> int:
        """Its label, see :func:`packed`."""
        return packed(self.units)

    @property
    def still(self) -> bool:
        """Whether apex and onset are one frame, so that nothing moves."""
        return self.apex == self.onset


def packed(units: Iterable[int]) -> int:
    """Return the sum of 2^k over the task's k-th units among those given, 0 to 4095; others are left out.

    Example:
        >>> packed({1, 4, 43})
        5
    """
    return sum(1 << place for place, unit in enumerate(UNITS) if unit in set(units))


def unpacked(labels: Integers) -> NDArray[np.float32]:
    """Return (n, 12) float32 of 0 and 1, which of the task's units labels (n,) stand for.

    Example:
        >>> unpacked(np.array([5]))[0, :4].tolist()
        [1.0, 0.0, 1.0, 0.0]
    """
    found: NDArray[np.float32] = (labels[:, None] >> np.arange(len(UNITS)) & 1).astype(np.float32)
    return found


def parse(text: str) -> tuple[frozenset[int], tuple[str, ...]]:
    """Read an annotator's string, such as ``4+7``, ``R12``, ``AU5+45``, ``A9E+ref(10)``.

    It is split at ``+``, letters are dropped and sides ignored; a unit that is somewhere marked ``(k)`` is
    off everywhere in the string.

    Returns:
        the units' numbers, and the parts that name none, such as ``?``.

    Example:
        >>> parse("AU4(k)+4+L12+?")
        (frozenset({12}), ('?',))
    """
    parts = [part.strip() for part in text.split("+") if part.strip()]
    numbers = {part: re.search(r"\d+", part) for part in parts}
    named = {part: int(found.group()) for part, found in numbers.items() if found}
    off = {unit for part, unit in named.items() if "(k)" in part}
    return frozenset(named.values()) - off, tuple(part for part in parts if part not in named)


def read_table(path: Path) -> tuple[Clip, ...]:
    """Read the table.

    Args:
        path: of a CSV file with ``COLUMNS``; it may hold the rows of some databases alone.

    Raises:
        DataError: no such file, other columns, rows that cannot be read, or a clip that stands there twice:
            as counts, and without any name.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        rows = []
    if not rows or tuple(rows[0]) != COLUMNS:
        raise DataError(
            f"{TABLE} is missing or has other columns; expected the {len(COLUMNS)} columns of CD6ME, from "
            "subject to AU64: put the published table beside the databases' folders"
        )
    clips = [_clip(row) for row in rows[1:] if row]
    found = tuple(clip for clip in clips if clip is not None)
    if len(found) < len(clips):
        raise DataError(
            f"{len(clips) - len(found)} of {len(clips)} rows of {TABLE} cannot be read; expected one of "
            f"{', '.join(KEYS)} with onset <= apex <= offset and 0 or 1 for every action unit: restore them"
        )
    double = len(found) - len({(clip.database, clip.subject, clip.material) for clip in found})
    if double:
        raise DataError(
            f"{double} of {len(found)} rows of {TABLE} name a clip that another names; expected each once: "
            "take them out"
        )
    return found


def _clip(row: Sequence[str]) -> Clip | None:
    """Return what a row says, or None where it cannot be read."""
    if len(row) != len(COLUMNS):
        return None
    told, marks = dict(zip(TOLD, row, strict=False)), row[len(TOLD) :]
    try:
        onset, apex, offset = (int(float(told[name])) for name in ("onset", "apex", "offset"))
        values = [float(mark or 0) for mark in marks]
    except (ValueError, OverflowError):
        return None
    well = told["dataset"] in KEYS and onset <= apex <= offset and set(values) <= {0.0, 1.0}
    named = all(_plain(told[name]) for name in ("subject", "material", "emotion"))
    if not (well and named):
        return None
    units = frozenset(unit for unit, value in zip(ANNOTATED, values, strict=True) if value)
    told_last = told["AU"], told["emotion"], units
    return Clip(told["dataset"], told["subject"], told["material"], onset, apex, offset, *told_last)


def _plain(name: str) -> bool:
    """Whether a name stays inside the folder that it names something in."""
    return bool(name) and name not in (".", "..") and not set(name) & set('/\\:*?"<>|\0')


def unknown(clips: Iterable[Clip]) -> int:
    """Count the clips whose string has a part that names no unit; what holds of them is the columns."""
    return sum(bool(parse(clip.text)[1]) for clip in clips)


def differing(clips: Iterable[Clip]) -> int:
    """Count the clips whose string says other units than the columns do, of those whose string says any."""
    said = ((parse(clip.text)[0], clip) for clip in clips)
    return sum(bool(units) and units != clip.units for units, clip in said)


def doubles(clips: Iterable[Clip]) -> Mapping[tuple[str, str], frozenset[str]]:
    """Return the people of two databases: (database, subject) to the other databases that show them.

    Written alike they may be two people, as subject 01 of CASME and of CASME II are; one person is who is
    shown by a recording that stands in both, under one subject and one material.
    """
    every = tuple(clips)
    where: dict[tuple[str, str], set[str]] = {}
    for clip in every:
        where.setdefault((clip.subject, clip.material), set()).add(clip.database)
    found: dict[tuple[str, str], frozenset[str]] = {}
    for clip in every:
        others = where[clip.subject, clip.material] - {clip.database}
        if others:
            key = clip.database, clip.subject
            found[key] = found.get(key, frozenset()) | others
    return found


def sides(clips: Iterable[Clip], tested: str) -> tuple[tuple[Clip, ...], tuple[Clip, ...], int]:
    """Part the clips of a fold: leave one database out.

    Returns:
        the clips to train on, those to test on, all of ``tested``, and how many were left out of the first
        because they show somebody whom the second show too.

    Source: CD6ME, Varanka et al., "Data Leakage and Evaluation Issues in Micro-Expression Analysis", 2023.
    """
    every = tuple(clips)
    shared = doubles(every)
    others = [clip for clip in every if clip.database != tested]
    kept = tuple(clip for clip in others if tested not in shared.get((clip.database, clip.subject), ()))
    return kept, tuple(clip for clip in every if clip.database == tested), len(others) - len(kept)


def sizes(clips: Iterable[Clip]) -> dict[str, tuple[int, int]]:
    """Return each database's numbers of clips and of subjects."""
    every = tuple(clips)
    count = Counter(clip.database for clip in every)
    people = Counter(database for database, _ in {(clip.database, clip.subject) for clip in every})
    return {key: (count[key], people[key]) for key in KEYS if key in count}


def positives(clips: Iterable[Clip]) -> Integers:
    """Return (12,), the number of clips that show each of the task's units."""
    labels = np.array([clip.label for clip in clips], np.int64)
    found: Integers = unpacked(labels).sum(0).astype(np.int64)
    return found


def together(clips: Iterable[Clip]) -> Integers:
    """Return (12, 12), the number of clips that show two units at once; on the diagonal, one."""
    marks = unpacked(np.array([clip.label for clip in clips], np.int64))
    found: Integers = (marks.T @ marks).round().astype(np.int64)
    return found
