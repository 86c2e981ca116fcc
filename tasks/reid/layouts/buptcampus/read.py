"""BUPTCampus as published: DATA, a map from tracklets to frames, and four lists of tracklets.

``train.txt``, ``query.txt``, ``gallery.txt`` and ``train_auxiliary.txt`` hold a tracklet a line: person,
modality (``RGB/IR``: an aligned pair, ``RGB`` or ``IR``), camera and tracklet, apart by spaces.
``data_paths.json`` leads from person, modality, camera and tracklet to the frames in order, as paths below
DATA such as ``1/IR/CQ1/1_IR_CQ1_1_8535.jpg``. Queries are the infrared tracklets of the one list, the gallery
is the visible ones of the other. The auxiliary persons, each before one camera alone, are not trained on.

The root is the folder that holds DATA and the lists. The released loader is given DATA itself and finds the
lists beside it; a root that has no list of its own is read that way.

Source: Du et al., "Video-based visible-infrared person re-identification with auxiliary samples", IEEE TIFS
2024, and its public loader; L2RW's video experiments, which make its six cameras the clients.

A training client opens the lists, and of the frames its own camera's alone, with :func:`open_camera`: a
frame that lies elsewhere is refused. The evaluator opens the test frames alone, with :func:`open_tests`.
Their errors carry no path.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from isofed.errors import DataError
from isofed.tasks.reid.layouts.films import Film, image_files
from isofed.tasks.reid.layouts.reading import read_text, refuse_empty
from isofed.tasks.reid.layouts.tracklets import ALONE

CAMERAS = ("LS3", "G25", "CQ1", "W4", "TSG1", "TSG2")  # numbers 1 to 6 in this order
DATA, PATHS = "DATA", "data_paths.json"
TRAIN, QUERY, GALLERY, AUXILIARY = LISTS = ("train.txt", "query.txt", "gallery.txt", "train_auxiliary.txt")
VISIBLE, INFRARED, BOTH = "RGB", "IR", "RGB/IR"
PARTS = {VISIBLE: (VISIBLE,), INFRARED: (INFRARED,), BOTH: (VISIBLE, INFRARED)}
ADVICE = "restore the published file"


@dataclass(frozen=True)
class Line:
    """A line of a list."""

    person: int
    modality: str
    camera: str
    tracklet: str


@dataclass(frozen=True)
class Campus:
    """A tree whose lists were read.

    Attributes:
        data: below which the frames lie.
        paths: person, modality, camera, tracklet to frames.
        lists: lines by file.
    """

    data: Path
    paths: Mapping[str, Any]
    lists: Mapping[str, tuple[Line, ...]]

    @property
    def train_ids(self) -> tuple[int, ...]:
        """Everybody trained on, ascending."""
        return tuple(sorted({line.person for line in self.lists[TRAIN]}))

    def lines(self, name: str, modality: str | None = None, camera: str | None = None) -> tuple[Line, ...]:
        """Return the lines of a list, of one modality or all, of one camera or all.

        A pair's line, asked for one modality, is a line of that modality alone.
        """
        return tuple(
            line if modality is None else Line(line.person, modality, line.camera, line.tracklet)
            for line in self.lists[name]
            if camera in (None, line.camera) and (modality is None or modality in PARTS[line.modality])
        )

    def films(self, lines: Iterable[Line]) -> tuple[Film, ...]:
        """List the tracklets of ``lines``, two for a pair, visible first; no folder is looked at.

        Raises:
            DataError: tracklets without frames, or with frames outside their camera's folder.
        """
        wanted = [(line, modality) for line in lines for modality in PARTS[line.modality]]
        found = [self._frames(line, modality) for line, modality in wanted]
        if not all(found):
            raise DataError(
                f"{sum(not frames for frames in found)} of {len(found)} tracklets have no frames in {PATHS}; "
                "expected a list of frames for each, below DATA and in its camera's folder: restore the "
                "published file"
            )
        return tuple(
            Film(line.person, CAMERAS.index(line.camera) + 1, modality == INFRARED, frames)
            for (line, modality), frames in zip(wanted, found, strict=True)
        )

    def _frames(self, line: Line, modality: str) -> tuple[Path, ...]:
        """Return a tracklet's frames; none where they are missing, or lie in no folder of the camera."""
        try:
            names = self.paths[str(line.person)][modality][line.camera][line.tracklet]
            folders = [PurePosixPath(name).parts[:-1] for name in names]
        except (KeyError, TypeError):
            return ()
        inside = all(line.camera in parts and ".." not in parts and "/" not in parts for parts in folders)
        return tuple(self.data / name for name in names) if inside else ()


def partners(lines: Sequence[Line]) -> np.ndarray:
    """Return (T,) rows of each tracklet's partner among the films of ``lines``, -1 for those alone."""
    sizes = np.array([len(PARTS[line.modality]) for line in lines], np.int64)
    paired = np.repeat(sizes == 2, sizes)
    first = np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = np.arange(len(paired))
    partner: np.ndarray = np.where(paired, 2 * first + 1 - rows, ALONE)
    return partner


def read_lists(root: Path, shown: str) -> Campus:
    """Read the lists; ``shown`` is what an error calls the root.

    Raises:
        DataError: one sentence for a list that is missing or malformed, or persons on both sides.
    """
    if not root.is_dir():
        raise DataError(
            f"{shown} is not a folder; expected the root of BUPTCampus, which holds {DATA}, {PATHS} and "
            f"{', '.join(LISTS)}"
        )
    beside = not (root / TRAIN).is_file() and (root.parent / TRAIN).is_file()
    home = root.parent if beside else root
    lists = {name: _lines(home, name, shown) for name in LISTS}
    tested = {line.person for name in (QUERY, GALLERY) for line in lists[name]}
    both = len({line.person for name in (TRAIN, AUXILIARY) for line in lists[name]} & tested)
    if both:
        raise DataError(
            f"{both} persons of {shown} are both trained on and tested on; expected none: restore the "
            "published lists"
        )
    return Campus(root if beside else root / DATA, _paths(home, shown), lists)


def open_camera(root: Path, camera: str) -> tuple[Campus, tuple[Line, ...], tuple[Film, ...]]:
    """Open a tree for one camera: the lists and its own training frames are looked at, no others are.

    Returns:
        The tree, the camera's lines of ``train.txt``, and their films.

    Raises:
        DataError: as :func:`read_lists`, or because the camera has no tracklet or lacks frames.
    """
    if camera not in CAMERAS:
        raise DataError(f"BUPTCampus has no camera {camera}; expected one of {', '.join(CAMERAS)}")
    tree = read_lists(root, "the data folder")
    lines = tree.lines(TRAIN, camera=camera)
    if not lines:
        raise DataError(
            f"camera {camera} has no tracklet in {TRAIN} of the data folder; expected some: {ADVICE}"
        )
    films = tree.films(lines)
    refuse_empty(image_files(films), f"camera {camera} in the data folder", "buptcampus")
    return tree, lines, films


def open_tests(root: Path) -> tuple[tuple[Film, ...], tuple[Film, ...]]:
    """Open the infrared queries and the visible gallery; no frame of a training person is looked at.

    Raises:
        DataError: as :func:`read_lists`, or because a side has no tracklet or lacks frames.
    """
    tree = read_lists(root, "the data folder")
    query, gallery = tree.films(tree.lines(QUERY, INFRARED)), tree.films(tree.lines(GALLERY, VISIBLE))
    for name, modality, films in ((QUERY, INFRARED, query), (GALLERY, VISIBLE, gallery)):
        if not films:
            raise DataError(
                f"{name} in the data folder has no line with {modality}; expected such tracklets: {ADVICE}"
            )
        refuse_empty(image_files(films), f"{name} ({modality}) in the data folder", "buptcampus")
    return query, gallery


def _lines(home: Path, name: str, shown: str) -> tuple[Line, ...]:
    advice = f"expected lines such as '12 RGB/IR LS3 1': {ADVICE}"
    rows = [line.split() for line in read_text(home, name, shown, advice).splitlines() if line.strip()]
    wrong = sum(not _understood(row) for row in rows)
    if wrong or not (rows or name == AUXILIARY):
        raise DataError(f"{wrong} of {len(rows)} lines of {name} in {shown} are not understood; {advice}")
    return tuple(Line(int(person), modality, camera, track) for person, modality, camera, track in rows)


def _understood(row: Sequence[str]) -> bool:
    return len(row) == 4 and row[0].isascii() and row[0].isdigit() and row[1] in PARTS and row[2] in CAMERAS


def _paths(home: Path, shown: str) -> Mapping[str, Any]:
    advice = f"expected a map from person, modality, camera and tracklet to frames: {ADVICE}"
    try:
        paths = json.loads(read_text(home, PATHS, shown, advice))
    except ValueError:
        paths = None
    if not isinstance(paths, dict):
        raise DataError(f"{PATHS} in {shown} is no such map; {advice}")
    return paths
