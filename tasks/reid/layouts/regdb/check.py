"""Comparing a tree on disk with the counts published for RegDB, list by list and image by image.

For the local command ``isofed data check regdb DIR`` alone: its findings name files.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from isofed.tasks.layouts import checking
from isofed.tasks.reid.layouts.images import ImageFile
from isofed.tasks.reid.layouts.integrity import integrity
from isofed.tasks.reid.layouts.regdb.read import (
    CAMERAS,
    SPLITS,
    Entry,
    Lists,
    differing,
    image_files,
    open_regdb,
    people,
    read_list,
    shared,
)
from isofed.tasks.task import Finding, Progress

WHOLE = "two image folders and forty lists"
HALVES = ("train", "test")
Both = tuple[Lists, ...]  # of a split: what it says of the visible and of the thermal camera


@dataclass(frozen=True)
class Counts:
    """What a tree holds: all persons, those a split trains on and tests on, images of each and a camera."""

    identities: int
    train: int
    test: int
    images: int


PUBLISHED = Counts(identities=412, train=206, test=206, images=10)


def check_regdb(root: Path, progress: Progress | None = None) -> list[Finding]:
    """Compare ``root`` with the published counts and decode every listed image.

    A tree made by :mod:`isofed.tasks.reid.layouts.regdb.make` is compared with the counts in its
    ``synthetic.json``. ``progress`` is called with the images decoded and their total.

    Raises:
        DataError: there is no tree to look at: no folder, or lists that cannot be read.
    """
    splits = [_split(root, number) for number in SPLITS]
    expected = checking.expected_counts(root, PUBLISHED, _counts)
    return [
        checking.looked_at(lambda: open_regdb(root), WHOLE),
        *checking.compare(_rows(splits, expected)),
        *integrity(root, _files(root, splits), "BMP", progress),
    ]


def _split(root: Path, split: int) -> Both:
    """Read a split's lists without a look at what they say of each other."""
    return tuple(
        Lists(camera, *(read_list(root, half, camera, split, f"'{root}'") for half in HALVES))
        for camera in CAMERAS
    )


def _counts(expected: Mapping[str, Any]) -> Counts:
    return Counts(*(int(expected[name]) for name in ("identities", "train", "test", "images")))


def _rows(splits: Sequence[Both], expected: Counts) -> Iterator[checking.Row]:
    """Set the counts side by side."""
    both = [_entries(splits, place) for place in range(len(CAMERAS))]
    yield "identities", len({entry.person for entries in both for entry in entries}), expected.identities
    for camera, entries in zip(CAMERAS, both, strict=True):
        name = f"camera {camera.number} ({camera.modality})"
        yield f"{name}: images", len(entries), expected.identities * expected.images
        yield f"{name}: images of each person", _each(entries), str(expected.images)
    for what, count, wanted in _measures(expected):
        yield from _over_splits(what, [count(split) for split in splits], wanted)


def _measures(expected: Counts) -> Iterator[tuple[str, Callable[[Both], str], str]]:
    """Give what is counted in a split, how, and what is expected; the visible camera comes first."""
    for half, what, persons in (("train", "training", expected.train), ("test", "test", expected.test)):
        images = persons * expected.images
        yield f"{what} identities, visible and thermal", partial(_persons, half), f"{persons}, {persons}"
        yield f"{what} images, visible and thermal", partial(_images, half), f"{images}, {images}"
    yield "persons both trained on and tested on", lambda both: str(sum(len(shared(x)) for x in both)), "0"
    yield (
        "labels that are another person in thermal",
        lambda both: str(sum(differing(both, half) for half in HALVES)),
        "0",
    )


def _persons(half: str, both: Both) -> str:
    return ", ".join(str(len(people(getattr(lists, half)))) for lists in both)


def _images(half: str, both: Both) -> str:
    return ", ".join(str(len(getattr(lists, half))) for lists in both)


def _over_splits(what: str, found: Sequence[str], expected: str) -> Iterator[checking.Row]:
    """One row where all splits agree, else one for each."""
    if len(set(found)) == 1:
        yield f"each of splits 1 to {len(found)}: {what}", found[0], expected
        return
    for number, each in zip(SPLITS, found, strict=True):
        yield f"split {number}: {what}", each, expected


def _entries(splits: Sequence[Both], place: int) -> list[Entry]:
    """Return a camera's listed images, each once."""
    lists = (split[place] for split in splits)
    return list({entry.path: entry for each in lists for entry in each.train + each.test}.values())


def _each(entries: Sequence[Entry]) -> str:
    """Say how many images a person has: one number, or the fewest and the most."""
    counts = Counter(entry.person for entry in entries).values()
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)}))


def _files(root: Path, splits: Sequence[Both]) -> list[ImageFile]:
    return [
        file
        for place, camera in enumerate(CAMERAS)
        for file in image_files(root, camera, _entries(splits, place))
    ]
