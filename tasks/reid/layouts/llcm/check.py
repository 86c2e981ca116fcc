"""Comparing a tree on disk with the counts published for LLCM, image by image.

For the local command ``isofed data check llcm DIR`` alone: its findings name files. Training counts of
the cameras as the original run of L2RW printed them (Jiang et al., CVPR 2025); the two modalities' sums
follow from the sizes of its pools; queries and gallery as its evaluation prints them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isofed.tasks.layouts import checking
from isofed.tasks.reid.layouts.integrity import integrity
from isofed.tasks.reid.layouts.llcm.read import CAMERAS, Files, Line, Llcm, open_llcm, read_lists
from isofed.tasks.task import Finding, Progress

WHOLE = "three lists, their images, and the folders of test images"


@dataclass(frozen=True)
class Counts:
    """What a tree holds.

    Attributes:
        identities: persons trained on.
        test_identities: persons tested on.
        cameras: for camera 1 to 9, (training persons, their images).
        visible, infrared: training images of either modality.
        query: infrared test images.
        gallery: pairs of a test person and a camera that saw them in visible light, one draw's size.
    """

    identities: int
    test_identities: int
    cameras: tuple[tuple[int, int], ...]
    visible: int
    infrared: int
    query: int
    gallery: int


PUBLISHED = Counts(
    identities=713,
    test_identities=351,
    cameras=(
        (21, 343),
        (20, 137),
        (345, 5733),
        (353, 5843),
        (661, 8019),
        (687, 8450),
        (72, 1002),
        (40, 1089),
        (24, 305),
    ),
    visible=16946,
    infrared=13975,
    query=7166,
    gallery=484,
)


def check_llcm(root: Path, progress: Progress | None = None) -> list[Finding]:
    """Compare ``root`` with the published counts and decode every image.

    A tree made by :mod:`isofed.tasks.reid.layouts.llcm.make` is compared with the counts in its
    ``synthetic.json``. ``progress`` is called with the images decoded and their total.

    Raises:
        DataError: there is no tree to look at: no folder, no lists that can be read, or persons both
            trained on and tested on.
    """
    tree = read_lists(root, f"'{root}'")
    query, gallery = tree.test_files("infrared"), tree.test_files("visible")
    expected = checking.expected_counts(root, PUBLISHED, counts_from)
    train = [file for files in tree.of().values() for file in files]
    return [
        checking.looked_at(lambda: open_llcm(root), WHOLE),
        *checking.compare(_rows(_count(tree, query, gallery), expected)),
        *checking.compare(_consistency(tree)),
        *integrity(root, [*dict.fromkeys(train), *query, *gallery], "JPEG", progress),
    ]


def counts_from(expected: Mapping[str, Any]) -> Counts:
    """Read counts from what the maker wrote."""
    plain = ("identities", "test_identities", "visible", "infrared", "query", "gallery")
    cameras = [expected["cameras"][str(camera)] for camera in CAMERAS]
    return Counts(
        cameras=tuple((int(camera["identities"]), int(camera["images"])) for camera in cameras),
        **{name: int(expected[name]) for name in plain},
    )


def _count(tree: Llcm, query: Files, gallery: Files) -> Counts:
    persons: dict[int, list[int]] = {camera: [] for camera in CAMERAS}
    for line in _lines(tree):
        persons[line.camera].append(line.id)
    return Counts(
        identities=len(tree.train_ids),
        test_identities=len(tree.test_ids),
        cameras=tuple((len(set(own)), len(own)) for own in persons.values()),
        visible=len(tree.train["visible"]),
        infrared=len(tree.train["infrared"]),
        query=len(query),
        gallery=len({(file.id, file.camera) for file in gallery}),
    )


def _rows(found: Counts, expected: Counts) -> Iterator[checking.Row]:
    """Set the counts side by side."""
    yield "training identities", found.identities, expected.identities
    yield "test identities", found.test_identities, expected.test_identities
    for camera, have, want in zip(CAMERAS, found.cameras, expected.cameras, strict=True):
        yield f"camera {camera}: training identities", have[0], want[0]
        yield f"camera {camera}: training images", have[1], want[1]
    yield "visible training images", found.visible, expected.visible
    yield "infrared training images", found.infrared, expected.infrared
    yield "query images", found.query, expected.query
    yield "gallery images in a draw", found.gallery, expected.gallery


def _consistency(tree: Llcm) -> Iterator[checking.Row]:
    """Look for images listed twice and for labels that do not stand for one person each."""
    paths = [line.path for line in _lines(tree)]
    pairs = {(line.id, line.label) for line in _lines(tree)}
    labels = {label for _, label in pairs}
    yield "images that a list names again", len(paths) - len(set(paths)), 0
    yield "labels without a person of their own", len(pairs) - min(len(labels), len(tree.train_ids)), 0


def _lines(tree: Llcm) -> tuple[Line, ...]:
    return tree.train["visible"] + tree.train["infrared"]
