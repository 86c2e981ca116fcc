"""Comparing a tree on disk with the counts published for SYSU-MM01, image by image.

For the local command ``isofed data check sysu DIR`` alone: its findings name files. Training counts
as the original run of L2RW printed them (Jiang et al., CVPR 2025, whose table of clients they give);
queries and gallery as its all-search single-shot evaluation prints them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.tasks.layouts import checking
from isofed.tasks.reid.layouts.images import ImageFile
from isofed.tasks.reid.layouts.integrity import integrity
from isofed.tasks.reid.layouts.sysu.read import CAMERAS, INFRARED, VISIBLE, Sysu, open_sysu, read_lists
from isofed.tasks.task import Finding, Progress


@dataclass(frozen=True)
class Counts:
    """What a tree holds.

    Attributes:
        identities: persons trained on and tested on.
        cameras: for camera 1 to 6, (training persons, their images).
        query: infrared images of the test persons.
        gallery: pairs of a test person and a visible camera that saw them, one draw's size.
    """

    identities: int
    cameras: tuple[tuple[int, int], ...]
    query: int
    gallery: int


PUBLISHED = Counts(
    identities=491,
    cameras=((194, 4721), (195, 5753), (392, 7909), (382, 5811), (390, 5973), (200, 4000)),
    query=3803,
    gallery=301,
)


def check_sysu(root: Path, progress: Progress | None = None) -> list[Finding]:
    """Compare ``root`` with the published counts and decode every listed image.

    A tree made by :mod:`isofed.tasks.reid.layouts.sysu.make` is compared with the counts in its
    ``synthetic.json``. ``progress`` is called with the images decoded and their total.

    Raises:
        DataError: there is no tree to look at: no folder, or no lists that can be read.
    """
    sysu = read_lists(root, f"'{root}'")
    train, test = _files(sysu, sysu.train_ids), _files(sysu, sysu.test_ids)
    expected = checking.expected_counts(root, PUBLISHED, _counts)
    return [
        checking.looked_at(lambda: open_sysu(root), "lists and six camera folders"),
        *checking.compare(_rows(_count(sysu, train, test), expected)),
        *integrity(root, train + test, "JPEG", progress),
    ]


def _files(sysu: Sysu, ids: Sequence[int]) -> tuple[ImageFile, ...]:
    return tuple(file for camera in CAMERAS for file in sysu.files(camera.number, ids))


def _count(sysu: Sysu, train: Sequence[ImageFile], test: Sequence[ImageFile]) -> Counts:
    cameras = []
    for camera in CAMERAS:
        own = [file.id for file in train if file.camera == camera.number]
        cameras.append((len(set(own)), len(own)))
    return Counts(
        identities=len(sysu.train_ids) + len(sysu.test_ids),
        cameras=tuple(cameras),
        query=sum(file.camera in INFRARED for file in test),
        gallery=len({(file.id, file.camera) for file in test if file.camera in VISIBLE}),
    )


def _counts(expected: Mapping[str, Any]) -> Counts:
    """Read counts from what the maker wrote."""
    cameras = [expected["cameras"][str(camera.number)] for camera in CAMERAS]
    return Counts(
        identities=int(expected["identities"]),
        cameras=tuple((int(camera["identities"]), int(camera["images"])) for camera in cameras),
        query=int(expected["query"]),
        gallery=int(expected["gallery"]),
    )


def _rows(found: Counts, expected: Counts) -> Iterator[checking.Row]:
    """Set the counts side by side."""
    yield "identities", found.identities, expected.identities
    for camera, have, want in zip(CAMERAS, found.cameras, expected.cameras, strict=True):
        name = f"camera {camera.number} ({camera.modality})"
        yield f"{name}: training identities", have[0], want[0]
        yield f"{name}: training images", have[1], want[1]
    yield "query images", found.query, expected.query
    yield "gallery images in a draw", found.gallery, expected.gallery
