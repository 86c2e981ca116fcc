"""What the lists of all layouts do alike: files by name, tables of videos, and what is wrong with them."""

import csv
import json
import os
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isofed.errors import DataError
from isofed.tasks.micro_gesture.joints import Body
from isofed.tasks.micro_gesture.layouts.clips import NOBODY, UNLABELLED, Listing, Span
from isofed.tasks.micro_gesture.layouts.store import numbered

CLIENT = "the data folder"  # what an error calls the root where no path may be told
TABLE = "labels.csv"
EMOTIONS = {"0": 0, "1": 1, "u": UNLABELLED}  # u is ours: the data sets have no word for unlabelled clips
OUTCOMES = {"1": 1, "win": 1, "w": 1, "0": 0, "lose": 0, "loss": 0, "l": 0, "": UNLABELLED}


@dataclass(frozen=True)
class Row:
    """One clip: where it lies, its emotion, what video it is from, whom it shows, on which list it stands."""

    span: Span
    label: int
    video: tuple[object, ...]
    subject: int
    on: int


@dataclass(frozen=True)
class Video:
    """What a table says of a video: whom it shows, and how the match ended."""

    subject: int
    label: int


def listing(title: str, body: Body, rows: Sequence[Row]) -> Listing:
    """Return rows as arrays, in the order of their files and frames."""
    ordered = sorted(rows, key=lambda row: (row.span.path, row.span.start, row.span.end))
    columns = {
        "labels": [row.label for row in ordered],
        "subjects": [row.subject for row in ordered],
        "lists": [row.on for row in ordered],
    }
    arrays = {name: np.array(values, np.int64) for name, values in columns.items()}
    videos = numbered([row.video for row in ordered])
    return Listing(title, body, tuple(row.span for row in ordered), videos=videos, **arrays)


def walk(root: Path, ending: str, title: str) -> list[str]:
    """Return the paths below the root that end so, sorted; hidden ones and those of another silo are none.

    Raises:
        DataError: the root is no folder.
    """
    if not root.is_dir():
        raise DataError(
            f"{CLIENT} is not a folder; expected the root of {title}: give the folder that the archive was "
            "unpacked into"
        )
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if name[0] != ".")
        below = Path(folder).relative_to(root)
        found += [(below / name).as_posix() for name in names if name.endswith(ending) and name[0] != "."]
    return sorted(found)


def emotion(word: str, unknown: list[str], words: dict[str, int] = EMOTIONS) -> int:
    """Return the label that a word stands for; one that stands for none is put to the unknown ones."""
    if word.strip().lower() not in words:
        unknown.append(word)
    return words.get(word.strip().lower(), UNLABELLED)


def refuse_unknown(
    unknown: Sequence[str], total: int, title: str, expected: str, what: str = "clips of"
) -> None:
    """Raise where labels are none that we know; the words themselves are told, for they are no secret."""
    if unknown:
        raise DataError(
            f"{len(unknown)} of {total} {what} {title} have an unknown label, such as '{unknown[0][:20]}'; "
            f"expected {expected}: correct them, or take them out"
        )


def refuse_none(count: int, title: str, example: str) -> None:
    """Raise where no clip was found."""
    if not count:
        raise DataError(
            f"{CLIENT} holds no clip of {title}; expected files such as {example}: give the folder that the "
            "archive was unpacked into"
        )


def read_table(root: Path, title: str) -> dict[int, Video]:
    """Read what ``labels.csv`` says of each video: the columns ``video_id``, ``subject_id``, ``win_or_lose``.

    It may have one row for a video or one for a clip, and further columns. Without the file, nothing is said.

    Raises:
        DataError: columns are missing, numbers are none, outcomes are unknown, or two rows of a video differ.
    """
    if not (root / TABLE).is_file():
        return {}
    found: dict[int, set[Video]] = {}
    unknown: list[str] = []
    try:
        with (root / TABLE).open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            subject, outcome = row["subject_id"] or str(NOBODY), row.get("win_or_lose") or ""
            video = Video(int(subject), emotion(outcome, unknown, OUTCOMES))
            found.setdefault(int(row["video_id"]), set()).add(video)
    except (OSError, KeyError, ValueError, TypeError, csv.Error):
        raise DataError(
            f"{TABLE} of {title} cannot be read; expected the columns video_id and subject_id, whole "
            "numbers, and win_or_lose where it is known: copy it again"
        ) from None
    refuse_unknown(unknown, len(rows), title, "win or lose, 1 or 0, or nothing", f"rows in {TABLE} of")
    double = sum(len(videos) > 1 for videos in found.values())
    if double:
        raise DataError(
            f"{double} videos in {TABLE} of {title} have several subjects or outcomes; expected one of each: "
            "correct the table"
        )
    return {number: videos.pop() for number, videos in found.items()}


def read_list(path: Path, title: str) -> frozenset[str]:
    """Read a list of clips, a JSON array of ``"{video}_{clip - 1}"``; empty where there is none.

    Raises:
        DataError: it is something else.
    """
    if not path.is_file():
        return frozenset()
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        found = None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise DataError(
            f"{path.name} of {title} cannot be read; expected a JSON array of names such as 0001_0: copy it "
            "again"
        )
    return frozenset(found)


def numbers(path: Path) -> np.ndarray | None:
    """Read a table of numbers without a head, (rows, columns); None where it is something else."""
    try:
        found = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64)
    except (OSError, ValueError):
        return None
    return found if np.isfinite(found).all() else None


def gestures(path: Path, joints: Path, classes: Container[int], unknown: list[str]) -> list[Span]:
    """Read rows ``class,start,end`` as clips of the file ``joints``; unknown classes join the others."""
    if path.is_file() and not path.stat().st_size:
        return []
    table = numbers(path)
    if table is None or table.shape[1] != len(("class", "start", "end")):
        unknown.append("no class,start,end")
        return []
    whole = table.astype(np.int64)
    unknown += [str(word) for word in whole[:, 0].tolist() if word not in classes]
    return [Span(joints, max(start, 0), max(end, 0)) for start, end in whole[:, 1:].tolist()]
