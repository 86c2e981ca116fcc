"""Comparing a tree on disk with the counts published for HITSZ-VCM, frame by frame.

For the local command ``isofed data check hitsz_vcm DIR`` alone: its findings name files. Counts of the whole
set as its paper gives them (Lin et al., CVPR 2022), training identities as in L2RW's video experiments;
what a camera holds is published nowhere, and is told without a comparison.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isofed.tasks.layouts import checking
from isofed.tasks.reid.layouts.films import Film, compared, image_files
from isofed.tasks.reid.layouts.hitsz_vcm.read import (
    CAMERA,
    CAMERAS,
    INFRARED,
    MODALITY,
    PERSON,
    SHORTEST,
    Vcm,
    open_camera,
    open_tests,
    read_lists,
)
from isofed.tasks.reid.layouts.integrity import integrity
from isofed.tasks.task import Finding, Progress

PUBLISHED = {
    "identities": 927,
    "training identities": 500,
    "frames": 463259,
    "tracklets": 21863,
    "visible tracklets": 11785,
    "infrared tracklets": 10078,
}
UNVERIFIED = {"test identities": 427}  # by subtraction
WHOLE = f"five lists, six cameras with tracklets of {SHORTEST} frames, all frames of them"


def check_hitsz_vcm(root: Path, progress: Progress | None = None) -> list[Finding]:
    """Compare ``root`` with the published counts and decode every frame of a tracklet, short ones included.

    A tree made by :mod:`isofed.tasks.reid.layouts.hitsz_vcm.make` is compared with the counts in its
    ``synthetic.json``. ``progress`` is called with the frames decoded and their total.

    Raises:
        DataError: there is no tree to look at: no folder, or no lists that can be read.
    """
    tree = read_lists(root, f"'{root}'")
    films = [film for half in (tree.train, tree.test) for film in half.films(np.arange(len(half.tracks)))]
    expected = checking.expected_counts(root, PUBLISHED, _counts)
    return [
        checking.looked_at(lambda: _open(root), WHOLE),
        *compared(count(tree), expected, UNVERIFIED),
        _agreement(films),
        *integrity(root, image_files(films), "JPEG", progress),
    ]


def count(tree: Vcm) -> dict[str, int]:
    """Return what the lists speak of, by name; queries and gallery without the tracklets left out."""
    train, test = tree.train, tree.test
    tracks = np.concatenate([train.tracks, test.tracks])
    infrared = int(np.count_nonzero(tracks[:, MODALITY] == INFRARED))
    query, gallery = tree.test_rows()
    return {
        "identities": len(train.ids) + len(test.ids),
        "training identities": len(train.ids),
        "test identities": len(test.ids),
        "frames": int(train.lengths.sum() + test.lengths.sum()),
        "tracklets": len(tracks),
        "visible tracklets": len(tracks) - infrared,
        "infrared tracklets": infrared,
        **dict(_of_cameras(tree)),
        "query tracklets": len(query),
        "gallery tracklets": len(gallery),
    }


def _of_cameras(tree: Vcm) -> Iterator[tuple[str, int]]:
    for camera in CAMERAS:
        own = tree.train.tracks[tree.train.tracks[:, CAMERA] == camera]
        yield f"camera {camera}: training identities", len(np.unique(own[:, PERSON]))
        yield f"camera {camera}: training tracklets", len(own)


def _counts(expected: Mapping[str, Any]) -> dict[str, int]:
    """Read counts from what the maker wrote; all published names must be there."""
    return {name: int(expected[name]) for name in {**dict.fromkeys(PUBLISHED), **expected}}


def _open(root: Path) -> None:
    for camera in CAMERAS:
        open_camera(root, camera)
    open_tests(root)


def _agreement(films: list[Film]) -> Finding:
    """Hold person and modality of each row against the names of its frames."""
    wrong = sum(
        path.parts[-4] != f"{film.id:04d}" or path.parts[-3] != ("ir" if film.infrared else "rgb")
        for film in films
        for path in film.frames
    )
    what = "frames whose name says another person or modality than their tracklet"
    return Finding(what, str(wrong), "0", wrong == 0)
