"""Comparing a tree on disk with the published counts, and opening every frame that is looked at.

For the local command ``isofed data check NAME DIR`` alone: its findings name files.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from isofed.tasks.action_units.labels import TABLE, Clip, differing, doubles, sizes
from isofed.tasks.action_units.layouts.databases import DATABASES, frames
from isofed.tasks.action_units.layouts.listing import MISSING, STILL, UNKNOWN, listed, table
from isofed.tasks.layouts import checking
from isofed.tasks.task import Finding, Progress

PUBLISHED = 55, 6, 1  # clips of the whole table that are odd, in the order of _notes


def check(root: Path, progress: Progress | None = None) -> list[Finding]:
    """Compare each database that the table names with its published counts, or with ``synthetic.json``.

    ``progress`` is called with the clips looked at and their number.

    Raises:
        DataError: there is no table to look at.
    """
    clips = table(root)
    have = {key: {"clips": count, "subjects": people} for key, (count, people) in sizes(clips).items()}
    published = {key: {"clips": own.clips, "subjects": own.subjects} for key, own in DATABASES.items()}
    expected = checking.expected_counts(root, published, _counts_from)
    rows = [
        (f"{DATABASES[key].title}: {what} in {TABLE}", have.get(key, {}).get(what, 0), count)
        for key, counts in expected.items()
        for what, count in counts.items()
    ]
    notes = listed(root, clips, "apex").notes
    return [*checking.compare(rows), *_notes(clips, notes), *_clips(root, clips, notes, progress)]


def _notes(clips: tuple[Clip, ...], notes: Mapping[str, int]) -> Iterator[Finding]:
    """Say what is odd and handled; none of it is a fault."""
    told = (
        ("clips with one frame for onset and apex, kept", notes[STILL]),
        ("clips whose string names more than action units, the columns hold", notes[UNKNOWN]),
        ("clips whose string says other units than the columns, the columns hold", differing(clips)),
    )
    for (what, found), published in zip(told, PUBLISHED, strict=True):
        yield Finding(what, str(found), f"{published} of the published 2031", True)
    both = len(doubles(clips))
    yield Finding("people of two databases, never trained on where tested", str(both), "0", both == 0)


def _clips(
    root: Path, clips: tuple[Clip, ...], notes: Mapping[str, int], progress: Progress | None
) -> Iterator[Finding]:
    broken = 0
    for done, clip in enumerate(clips, 1):
        fault = _fault(root, clip)
        broken += fault is not None
        if fault is not None:
            yield fault
        if progress is not None:
            progress(done, len(clips))
    yield Finding("clips that lack a frame, left out", str(notes[MISSING]), "0", notes[MISSING] == 0)
    good = f"{len(clips) - broken} of {len(clips)}"
    yield Finding("clips that can be read", good, "all", not broken)


def _fault(root: Path, clip: Clip) -> Finding | None:
    """Return what is wrong with the frames of a clip's onset and apex, or None."""
    paths = DATABASES[clip.database].paths(root, clip)
    there = frames(paths)
    for word, place in (("onset", clip.onset), ("apex", clip.apex)):
        if place not in there:
            where = paths[0].relative_to(root).as_posix()
            return Finding(where, f"{len(there)} frames, none numbered {place}", f"its {word}", False)
        try:
            with Image.open(there[place]) as image:
                image.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            where = there[place].relative_to(root).as_posix()
            return Finding(where, "cannot be read", "a whole picture", False)
    return None


def _counts_from(expected: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    return {key: {str(what): int(count) for what, count in own.items()} for key, own in expected.items()}
