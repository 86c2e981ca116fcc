"""Which frames stand for a clip; clips that lack them are left out and counted."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from isofed.errors import DataError
from isofed.seeds import public
from isofed.suggest import pick
from isofed.tasks.action_units.labels import TABLE, Clip, Integers, parse, read_table, sides
from isofed.tasks.action_units.layouts.databases import DATABASES, frames

CLIENT = "the data folder"  # what an error calls the root where no path may be told
NEARS = ("drawn", "end", "apex")
STILL, MISSING, GAPS, UNKNOWN, SHARED = "still", "missing", "gaps", "unknown", "shared"
NOTES = {  # what is told of clips, once
    STILL: "have one frame for onset and apex: kept, with no motion",
    MISSING: "lack the frame of onset or apex: left out",
    GAPS: "lack a frame beside the apex: another beside it is taken, or the apex",
    UNKNOWN: "have a string that names more than action units: the table's columns hold",
    SHARED: "show somebody who is tested in another database: left out",
}


@dataclass(frozen=True)
class Shot:
    """A clip and the three frames that the networks see; ``gaps`` where others lack beside the apex."""

    clip: Clip
    onset: Path
    apex: Path
    near: Path
    gaps: bool = False


@dataclass(frozen=True)
class Listing:
    """Clips in the table's order, none of them opened.

    Attributes:
        shots: N clips and where their frames lie.
        notes: how many clips something of ``NOTES`` is told of.
        told: of how many.
    """

    shots: tuple[Shot, ...]
    notes: Mapping[str, int] = field(default_factory=dict)
    told: int = 0

    def __len__(self) -> int:
        return len(self.shots)

    @property
    def labels(self) -> Integers:
        """(N,) int64, see labels.py."""
        return np.array([shot.clip.label for shot in self.shots], np.int64)

    @property
    def subjects(self) -> Integers:
        """(N,) int64, equal for clips of one person, from 0; people of two databases are two."""
        return _numbered([(shot.clip.database, shot.clip.subject) for shot in self.shots])

    @property
    def databases(self) -> Integers:
        """(N,) int64, places in ``DATABASES``."""
        keys = list(DATABASES)
        return np.array([keys.index(shot.clip.database) for shot in self.shots], np.int64)

    def sentences(self) -> tuple[str, ...]:
        """Return what is told of its clips, a sentence each: databases and counts alone."""
        keys = dict.fromkeys(shot.clip.database for shot in self.shots)
        where = " + ".join(DATABASES[key].title for key in keys)
        return tuple(
            f"{where}: {count} of {self.told} clips {NOTES[word]}"
            for word, count in self.notes.items()
            if count
        )


def table(root: Path) -> tuple[Clip, ...]:
    """Read the label table at the root; errors as of :func:`read_table`.

    Raises:
        DataError: no such folder.
    """
    if not root.is_dir():
        raise DataError(
            f"{CLIENT} is not a folder; expected the databases' folders, such as CASME, and {TABLE}: give "
            "the folder that holds them"
        )
    return read_table(root / TABLE)


def trained(root: Path, tested: str, databases: Iterable[str], near: str = "drawn") -> Listing:
    """List the clips that some databases train on where another one is tested.

    Args:
        root: of the tree.
        tested: key of the database left out.
        databases: keys of those wanted.
        near: see :func:`beside`.
    """
    kept, _, _ = sides(clips := table(root), tested)
    wanted = set(databases)
    shared = sum(clip.database in wanted - {tested} for clip in clips)
    own = [clip for clip in kept if clip.database in wanted]
    return listed(root, own, near, shared - len(own))


def left_to_test(root: Path, tested: str, near: str = "end") -> Listing:
    """List all clips of the database that is left out."""
    return listed(root, sides(table(root), tested)[1], near)


def listed(root: Path, clips: Iterable[Clip], near: str, shared: int = 0) -> Listing:
    """Look up the frames of clips.

    Args:
        root: of the tree.
        clips: rows of the table.
        near: see :func:`beside`.
        shared: how many were left out before, because they show somebody who is tested.
    """
    own = tuple(clips)
    found = [_shot(root, clip, near) for clip in own]
    notes = Counter(
        {
            STILL: sum(clip.still for clip in own),
            MISSING: sum(shot is None for shot in found),
            GAPS: sum(shot is not None and shot.gaps for shot in found),
            UNKNOWN: sum(bool(parse(clip.text)[1]) for clip in own),
            SHARED: shared,
        }
    )
    return Listing(tuple(shot for shot in found if shot is not None), dict(notes), len(own) + shared)


def window(clip: Clip) -> list[int]:
    """Return the numbers of the frames beside the apex, see :func:`beside`."""
    half = max(1, clip.frames // 10)
    low, high = max(clip.apex - half, clip.onset + 1), min(clip.apex + half, clip.offset)
    return [place for place in range(low, high + 1) if place != clip.apex]


def beside(clip: Clip, there: Iterable[int], near: str = "drawn") -> int:
    """Return the number of the second frame near the apex.

    With w = max(1, floor(frames / 10)) it is one of [apex - w, apex + w] without the apex, within
    [onset + 1, offset], of those that are there; where nothing is left, the apex.

    Args:
        clip: whose.
        there: numbers of the frames on disk.
        near: ``"drawn"``, any of them, the same at every site and in every run; ``"end"``, min(apex + w,
            offset); ``"apex"``, the apex itself.

    Raises:
        ConfigError: an unknown word.

    The window is ours: the released code has a second frame near the apex without saying how it is chosen.
    """
    wanted, have = window(clip), set(there)
    left = [place for place in wanted if place in have]
    if pick("near", near, dict.fromkeys(NEARS, near)) == "apex" or not left:
        return clip.apex
    if near == "end":
        last = min(clip.apex + max(1, clip.frames // 10), clip.offset)
        return last if last in left else clip.apex
    rng = public(0, 0, f"{clip.database}/{clip.subject}/{clip.material}", "near the apex")
    return left[int(rng.integers(len(left)))]


def _shot(root: Path, clip: Clip, near: str) -> Shot | None:
    there = frames(DATABASES[clip.database].paths(root, clip))
    if clip.onset not in there or clip.apex not in there:
        return None
    gaps = near != "apex" and not there.keys() >= set(window(clip))
    return Shot(clip, there[clip.onset], there[clip.apex], there[beside(clip, there, near)], gaps)


def _numbered(keys: list[tuple[str, str]]) -> Integers:
    order = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([order[key] for key in keys], np.int64)
