"""Comparing a tree on disk with the counts published for BUPTCampus, frame by frame.

For the local command ``isofed data check buptcampus DIR`` alone: its findings name files. The number of all
persons is the data set's own, that of training persons is L2RW's; others were seen as remarks in programs
that read the data, add up (1074 + 1076 + 930 = 3080), and are told without a verdict. What a camera holds is
published nowhere.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from isofed.tasks.layouts import checking
from isofed.tasks.reid.layouts.buptcampus.read import (
    AUXILIARY,
    CAMERAS,
    GALLERY,
    INFRARED,
    LISTS,
    QUERY,
    TRAIN,
    VISIBLE,
    Campus,
    open_camera,
    open_tests,
    read_lists,
)
from isofed.tasks.reid.layouts.films import compared, image_files
from isofed.tasks.reid.layouts.integrity import integrity
from isofed.tasks.task import Finding, Progress

PUBLISHED = {"identities": 3080, "training identities": 1074}
UNVERIFIED = {
    "test identities": 1076,
    "auxiliary identities": 930,
    "training pairs": 3574,
    "query tracklets (infrared)": 536,
    "gallery tracklets (visible)": 2422,
}
WHOLE = "four lists, the map of frames, six cameras with tracklets, all frames of them"


def check_buptcampus(root: Path, progress: Progress | None = None) -> list[Finding]:
    """Compare ``root`` with the published counts and decode every frame of a listed tracklet.

    A tree made by :mod:`isofed.tasks.reid.layouts.buptcampus.make` is compared with the counts in its
    ``synthetic.json``. ``progress`` is called with the frames decoded and their total.

    Raises:
        DataError: there is no tree to look at: no folder, or no lists that can be read.
    """
    tree = read_lists(root, f"'{root}'")
    files = [file for name in LISTS for file in image_files(tree.films(tree.lines(name)))]
    home = root if (root / TRAIN).is_file() else root.parent
    expected = checking.expected_counts(home, PUBLISHED, _counts)
    return [
        checking.looked_at(lambda: _open(root), WHOLE),
        *compared(count(tree), expected, UNVERIFIED),
        *integrity(root, files, "JPEG", progress),
    ]


def count(tree: Campus) -> dict[str, int]:
    """Return what the lists and the map speak of, by name."""
    tested = {line.person for name in (QUERY, GALLERY) for line in tree.lists[name]}
    return {
        "identities": len(tree.paths),
        "training identities": len(tree.train_ids),
        "test identities": len(tested),
        "auxiliary identities": len({line.person for line in tree.lists[AUXILIARY]}),
        "training pairs": len(tree.lists[TRAIN]),
        **dict(_of_cameras(tree)),
        "query tracklets (infrared)": len(tree.lines(QUERY, INFRARED)),
        "gallery tracklets (visible)": len(tree.lines(GALLERY, VISIBLE)),
    }


def _of_cameras(tree: Campus) -> Iterator[tuple[str, int]]:
    for camera in CAMERAS:
        own = tree.lines(TRAIN, camera=camera)
        yield f"camera {camera}: training identities", len({line.person for line in own})
        yield f"camera {camera}: training pairs", len(own)


def _counts(expected: Mapping[str, Any]) -> dict[str, int]:
    """Read counts from what the maker wrote; all published names must be there."""
    return {name: int(expected[name]) for name in {**dict.fromkeys(PUBLISHED), **expected}}


def _open(root: Path) -> None:
    for camera in CAMERAS:
        open_camera(root, camera)
    open_tests(root)
