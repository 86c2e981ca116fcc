"""RegDB as published: Visible and Thermal, one folder a person, and ten splits as lists under idx.

Source: Nguyen et al., "Person recognition system based on a combination of body images from visible
light and thermal cameras", Sensors 17(3), 2017; the ten splits are those that come with the folder
which AGW (Ye et al., TPAMI 2021) and everybody after it reads. Of 412 persons, each with ten images
of either kind, every split trains on one half and tests on the other.

``idx/train_visible_1.txt`` and its like hold lines such as ``Visible/1/male_front_v_00007_1.bmp 0``:
a path below the root and a label. What is assumed of them, because no description says so:

- the labels of a list are 0 to n - 1, each at least once, in any order;
- the same label is the same person in the visible and the thermal list of the same half of a split,
  so labels are what a camera is trained with and what a split is scored by;
- labels of two lists of different halves or splits have nothing to do with each other; the number of
  a person's folder is the same everywhere, under Visible and Thermal alike. It tells whether somebody
  is trained on and tested on, and who is who over all ten splits.

The files do not say which camera took an image: visible is camera 1, thermal camera 2, as in L2RW.

A training client opens its own camera and split with :func:`open_camera`, which never opens the other
camera's folder or lists and whose errors carry no path. The evaluator opens the images to test on,
with :func:`open_tests`. :func:`open_regdb` looks at the whole tree and is for the machine on which all
of it lies.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isofed.errors import DataError
from isofed.tasks.reid.layouts.images import ImageFile
from isofed.tasks.reid.layouts.reading import read_text, refuse_empty

IDX = "idx"
SPLITS = tuple(range(1, 11))
SHOWN = "the data folder"  # what a client's errors call the root


@dataclass(frozen=True)
class Camera:
    """One of the two cameras: its number, ``"visible"`` or ``"thermal"``, and its folder."""

    number: int
    modality: str
    folder: str


CAMERAS = (Camera(1, "visible", "Visible"), Camera(2, "thermal", "Thermal"))
VISIBLE, THERMAL = CAMERAS


@dataclass(frozen=True)
class Entry:
    """One line of a list: an image's path below the root, its person's folder number, its label."""

    path: str
    person: int
    label: int


@dataclass(frozen=True)
class Lists:
    """What a split says of one camera, in the lists' order: whom to train on and whom to test on."""

    camera: Camera
    train: tuple[Entry, ...]
    test: tuple[Entry, ...]


def list_name(half: str, camera: Camera, split: int) -> str:
    """Return where a list lies below the root; ``half`` is ``train`` or ``test``."""
    return f"{IDX}/{half}_{camera.modality}_{split}.txt"


def image_files(root: Path, camera: Camera, entries: Sequence[Entry]) -> tuple[ImageFile, ...]:
    """Return the listed images, with their labels as identities."""
    return tuple(ImageFile(root / entry.path, entry.label, camera.number) for entry in entries)


def people(entries: Sequence[Entry]) -> dict[int, int]:
    """Return each label's folder number, ascending labels."""
    return dict(sorted({entry.label: entry.person for entry in entries}.items()))


def open_regdb(root: Path) -> tuple[tuple[Lists, Lists], ...]:
    """Open a whole tree: for each split what it says of the visible and of the thermal camera.

    Raises:
        DataError: one sentence for a folder or list that is missing, a malformed list, persons both
            trained on and tested on, lists of one half that speak of different persons, or image files
            that are empty or missing. It may name ``root`` and a list, never an image or a person.
    """
    shown = f"'{root}'"
    splits = tuple(_both(root, split, shown) for split in SPLITS)
    for place, camera in enumerate(CAMERAS):
        entries = (e for both in splits for e in both[place].train + both[place].test)
        _refuse_unreadable(root, camera, tuple({entry.path: entry for entry in entries}.values()), shown)
    return splits


def open_camera(root: Path, number: int, split: int) -> Lists:
    """Open a tree for one camera: its own two lists of the split and its training images, nothing else.

    Raises:
        DataError: as :func:`open_regdb`, for this camera and split alone, and without any path.
    """
    cameras = {camera.number: camera for camera in CAMERAS}
    if number not in cameras:
        raise DataError(f"RegDB has no camera {number}; expected 1, which is visible, or 2, which is thermal")
    lists = read_lists(root, cameras[number], split, SHOWN)
    _refuse_unreadable(root, lists.camera, lists.train, SHOWN)
    return lists


def open_tests(root: Path, split: int) -> tuple[Lists, Lists]:
    """Open a tree for the evaluator: a split's four lists and the images to test on, of nobody else.

    Raises:
        DataError: as :func:`open_regdb`, for this split, and without any path.
    """
    both = _both(root, split, SHOWN)
    for lists in both:
        _refuse_unreadable(root, lists.camera, lists.test, SHOWN)
    return both


def read_lists(root: Path, camera: Camera, split: int, shown: str) -> Lists:
    """Read one camera's two lists of a split; ``shown`` is what an error calls the root."""
    lists = Lists(camera, *(read_list(root, half, camera, split, shown) for half in ("train", "test")))
    overlap = len(shared(lists))
    if overlap:
        raise DataError(
            f"{overlap} persons of {shown} are both trained on and tested on in split {split}; expected "
            f"none: restore the published lists under {IDX}"
        )
    return lists


def shared(lists: Lists) -> set[int]:
    """Return the folder numbers of persons both trained on and tested on; none in a whole copy."""
    return {entry.person for entry in lists.train} & {entry.person for entry in lists.test}


def read_list(root: Path, half: str, camera: Camera, split: int, shown: str) -> tuple[Entry, ...]:
    """Read one list.

    Raises:
        DataError: it is missing, or has a line that is not as it should be, or an image more than once,
            or labels with gaps, or a label and a person that do not belong to each other alone.
    """
    name = list_name(half, camera, split)
    if not root.is_dir():
        raise DataError(
            f"{shown} is not a folder; expected the root of RegDB, which holds Visible, Thermal and {IDX}"
        )
    advice = f"expected lines such as {camera.folder}/1/front_00007_1.bmp 0: restore the published file"
    found = [
        _entry(line, camera.folder) for line in read_text(root, name, shown, advice).splitlines() if line
    ]
    entries = tuple(entry for entry in found if entry is not None)
    problem = (
        f"{len(found) - len(entries)} malformed lines" if len(entries) < len(found) else _problem(entries)
    )
    if problem:
        raise DataError(f"{name} in {shown} has {problem}; {advice}")
    return entries


def differing(both: Sequence[Lists], half: str) -> int:
    """Count the labels of a half for which the visible and the thermal list name different persons."""
    visible, thermal = (people(getattr(lists, half)) for lists in both)
    return sum(visible.get(label) != thermal.get(label) for label in {*visible, *thermal})


def _both(root: Path, split: int, shown: str) -> tuple[Lists, Lists]:
    visible, thermal = (read_lists(root, camera, split, shown) for camera in CAMERAS)
    for half in ("train", "test"):
        count = differing((visible, thermal), half)
        if count:
            raise DataError(
                f"{count} labels in the visible and the thermal {half} list of split {split} in {shown} are "
                f"not the same person's; expected all to be: restore the published lists under {IDX}"
            )
    return visible, thermal


def _entry(line: str, folder: str) -> Entry | None:
    """Read ``folder/person/name label``; a path that leads elsewhere is refused."""
    found = re.fullmatch(rf"({folder}/([0-9]{{1,9}})/[^/\\\0]+) ([0-9]{{1,9}})\s*", line)
    if found is None or found[1].endswith(("/.", "/..")):
        return None
    return Entry(found[1], int(found[2]), int(found[3]))


def _problem(entries: Sequence[Entry]) -> str:
    """Say what is wrong with a list of well-formed lines; nothing where all is well."""
    labels = people(entries)
    if not entries:
        return "no line"
    if len({entry.path for entry in entries}) < len(entries):
        return "an image more than once"
    if list(labels) != list(range(len(labels))):
        return f"labels that are not 0 to {len(labels) - 1}"
    pairs = {(entry.label, entry.person) for entry in entries}
    if len(pairs) > len(labels) or len(set(labels.values())) < len(labels):
        return "labels and folders that do not belong to each other one by one"
    return ""


def _refuse_unreadable(root: Path, camera: Camera, entries: Sequence[Entry], shown: str) -> None:
    refuse_empty(image_files(root, camera, entries), f"{camera.folder} in {shown}", "regdb", "BMP")
