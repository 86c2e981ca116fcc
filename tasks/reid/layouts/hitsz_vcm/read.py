"""HITSZ-VCM as published: Train, Test and info; tracklets are rows of a list of names.

``info/train_name.txt`` and ``info/test_name.txt`` hold one frame's name a line, and
``info/track_train_info.txt`` and ``info/track_test_info.txt`` five integers a tracklet: modality (1:
infrared), first and last row of its frames in the list of names (from 1, both inclusive), person,
camera. ``info/query_IDX.txt`` holds the rows (from 1) of the test tracklets that are queries. A name such as
``0001M1D3T0001F0017.jpg`` says where the frame lies below Train or Test: its first four characters are
the person's folder, the sixth the modality (``1``: ``ir``, else ``rgb``), the part from ``D`` to ``T``
the camera's folder, what follows ``F`` the file: ``0001/ir/D3/0017.jpg``. Tracklets of fewer than 12
frames are left out, in training and testing.

Source: Lin et al., "Learning modal-invariant and temporal-memory for video-based visible-infrared person
re-identification", CVPR 2022, and the lists' use in its public loader; L2RW's video experiments, which
look below Train and Test and make camera numbers 1 to 6 the clients.

Assumed where these are silent: a tracklet's camera is what its row says, whatever its folder is called;
query rows stand on one or more lines, apart by spaces; persons to train on and to test on differ.

A training client opens the lists, and of the frames its own camera's alone, with :func:`open_camera`.
The evaluator opens the test frames alone, with :func:`open_tests`. Their errors carry no path.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isofed.errors import DataError
from isofed.tasks.reid.layouts.films import Film, image_files
from isofed.tasks.reid.layouts.reading import read_text, refuse_empty

CAMERAS = (1, 2, 3, 4, 5, 6)
SHORTEST = 12  # frames; shorter tracklets are left out
TRAIN, TEST = "Train", "Test"
NAMES = {TRAIN: "info/train_name.txt", TEST: "info/test_name.txt"}
TRACKS = {TRAIN: "info/track_train_info.txt", TEST: "info/track_test_info.txt"}
QUERY = "info/query_IDX.txt"
NAME = re.compile(r"([0-9]{4}).([0-9])[^D/]*(D[^T/]*)T[^F/]*F([^/]+)")
MODALITY, FIRST, LAST, PERSON, CAMERA = range(5)  # columns of a list of tracklets
INFRARED = 1  # in the column of modalities; visible is 2
ADVICE = "restore the published file"


@dataclass(frozen=True)
class Half:
    """The tracklets to train on, or those to test on.

    Attributes:
        folder: below which the frames lie.
        names: of all frames.
        tracks: (T, 5) int64 as published; short tracklets are among them.
    """

    folder: Path
    names: tuple[str, ...]
    tracks: np.ndarray

    @property
    def ids(self) -> tuple[int, ...]:
        """Everybody listed, ascending."""
        return tuple(np.unique(self.tracks[:, PERSON]).tolist())

    @property
    def lengths(self) -> np.ndarray:
        """Return (T,) frames of each tracklet."""
        lengths: np.ndarray = self.tracks[:, LAST] - self.tracks[:, FIRST] + 1
        return lengths

    def rows(self, camera: int | None = None) -> np.ndarray:
        """Return the rows of tracklets that are long enough, of one camera or of all."""
        wanted = self.lengths >= SHORTEST
        return np.flatnonzero(wanted if camera is None else wanted & (self.tracks[:, CAMERA] == camera))

    def films(self, rows: np.ndarray) -> tuple[Film, ...]:
        """List the tracklets of ``rows``; no folder is looked at.

        Raises:
            DataError: frames whose names say nothing.
        """
        return tuple(
            Film(person, camera, modality == INFRARED, self._paths(self.names[first - 1 : last]))
            for modality, first, last, person, camera in self.tracks[rows].tolist()
        )

    def _paths(self, names: Sequence[str]) -> tuple[Path, ...]:
        found = [NAME.fullmatch(name) for name in names]
        if not all(found):
            raise DataError(
                f"{found.count(None)} of {len(names)} names of a tracklet's frames are not understood; "
                "expected names such as 0001M1D3T0001F0017.jpg: restore the files of names under info"
            )
        parts = (match.groups() for match in found if match)
        return tuple(
            self.folder / f"{person}/{'ir' if modality == '1' else 'rgb'}/{camera}/{file}"
            for person, modality, camera, file in parts
        )


@dataclass(frozen=True)
class Vcm:
    """A tree whose lists were read; ``queries`` are rows of the test tracklets, from 0."""

    train: Half
    test: Half
    queries: np.ndarray

    def test_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of queries and of the gallery, the others; short tracklets are left out."""
        kept = self.test.rows()
        asked = np.isin(kept, self.queries)
        return kept[asked], kept[~asked]


def read_lists(root: Path, shown: str) -> Vcm:
    """Read the five lists; ``shown`` is what an error calls the root.

    Raises:
        DataError: one sentence for a list that is missing or malformed, or persons on both sides.
    """
    if not root.is_dir():
        raise DataError(
            f"{shown} is not a folder; expected the root of HITSZ-VCM, which holds {TRAIN}, {TEST} and info"
        )
    train, test = (_half(root, side, shown) for side in (TRAIN, TEST))
    both = len(np.intersect1d(train.ids, test.ids))
    if both:
        raise DataError(
            f"{both} persons of {shown} are both trained on and tested on; expected none: restore the "
            "published lists under info"
        )
    return Vcm(train, test, _queries(root, len(test.tracks), shown))


def open_camera(root: Path, camera: int) -> tuple[Vcm, tuple[Film, ...]]:
    """Open a tree for one camera: the lists and its own training frames are looked at, no others are.

    Raises:
        DataError: as :func:`read_lists`, or because the camera has no tracklet or lacks frames.
    """
    if camera not in CAMERAS:
        raise DataError(f"HITSZ-VCM has no camera {camera}; expected a number from 1 to {len(CAMERAS)}")
    tree = read_lists(root, "the data folder")
    films = tree.train.films(tree.train.rows(camera))
    if not films:
        raise DataError(
            f"camera {camera} has no training tracklet of {SHORTEST} frames in the data folder; expected "
            f"some in {TRACKS[TRAIN]}: restore the published lists"
        )
    refuse_empty(image_files(films), f"{TRAIN} of camera {camera} in the data folder", "hitsz_vcm")
    return tree, films


def open_tests(root: Path) -> tuple[tuple[Film, ...], tuple[Film, ...]]:
    """Open the queries and the gallery; nothing below Train is looked at.

    Raises:
        DataError: as :func:`read_lists`, or because a side has no tracklet or lacks frames.
    """
    tree = read_lists(root, "the data folder")
    query, gallery = (tree.test.films(rows) for rows in tree.test_rows())
    for side, films in (("query", query), ("gallery", gallery)):
        if not films:
            raise DataError(
                f"there is no {side} tracklet of {SHORTEST} frames in the data folder; expected some by "
                f"{TRACKS[TEST]} and {QUERY}: restore the published lists"
            )
        refuse_empty(image_files(films), f"{TEST} ({side}) in the data folder", "hitsz_vcm")
    return query, gallery


def _half(root: Path, side: str, shown: str) -> Half:
    text = read_text(root, NAMES[side], shown, f"expected names of frames: {ADVICE}")
    names = tuple(line.strip() for line in text.splitlines())
    tracks = _numbers(root, TRACKS[side], shown, "five whole numbers a line")
    if not tracks.size or tracks.size % 5:
        raise DataError(
            f"{TRACKS[side]} in {shown} is no table; expected five whole numbers a line: {ADVICE}"
        )
    tracks = tracks.reshape(-1, 5)
    first, last = tracks[:, FIRST], tracks[:, LAST]
    wrong = np.count_nonzero((first < 1) | (last < first) | (last > len(names)))
    if wrong:
        raise DataError(
            f"{wrong} of {len(tracks)} tracklets in {TRACKS[side]} of {shown} point outside {NAMES[side]}, "
            f"which has {len(names)} names; expected rows from 1 to that: restore both files"
        )
    return Half(root / side, names, tracks)


def _queries(root: Path, tracklets: int, shown: str) -> np.ndarray:
    rows = _numbers(root, QUERY, shown, "rows of test tracklets")
    if not rows.size or rows.min() < 1 or rows.max() > tracklets or len(np.unique(rows)) < len(rows):
        raise DataError(
            f"{QUERY} in {shown} does not hold different rows from 1 to {tracklets}; expected rows of "
            f"{TRACKS[TEST]}: {ADVICE}"
        )
    return rows - 1


def _numbers(root: Path, name: str, shown: str, expected: str) -> np.ndarray:
    """Read all whole numbers of a list, whatever stands on which line."""
    text = read_text(root, name, shown, f"expected {expected}: {ADVICE}")
    try:
        return np.array([int(word) for word in text.split()], np.int64)
    except (ValueError, OverflowError):
        pass
    raise DataError(f"{name} in {shown} holds something else than numbers; expected {expected}: {ADVICE}")
