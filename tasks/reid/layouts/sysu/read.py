"""SYSU-MM01 as published: cam1..cam6, one folder a person, three lists of numbers under exp.

Source: Wu et al., "RGB-infrared cross-modality person re-identification", ICCV 2017, and the data
set's own description. Cameras 1, 2, 4 and 5 are visible, 3 and 6 near-infrared; cameras 2 and 3
watch the same room. Not every person passes every camera.

A training client opens its own camera with :func:`open_camera`, which never lists another camera's
folder and whose errors carry no path. The evaluator opens the test persons alone, with
:func:`open_tests`. :func:`open_sysu` looks at the whole tree and is for the machine on which all of it
lies.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from isofed.errors import DataError
from isofed.tasks.reid.layouts.images import ImageFile
from isofed.tasks.reid.layouts.reading import image_names, number_line, refuse_empty

EXP = "exp"
TRAIN_LISTS = ("train_id.txt", "val_id.txt")
TEST_LIST = "test_id.txt"


@dataclass(frozen=True)
class Camera:
    """One of the six cameras: its number, ``"visible"`` or ``"infrared"``, and where it hangs."""

    number: int
    modality: str
    place: str


CAMERAS = (
    Camera(1, "visible", "indoor room 1"),
    Camera(2, "visible", "indoor room 2"),
    Camera(3, "infrared", "indoor room 2, dark"),
    Camera(4, "visible", "outdoor gate"),
    Camera(5, "visible", "outdoor garden"),
    Camera(6, "infrared", "outdoor passage, dark"),
)
VISIBLE = tuple(camera.number for camera in CAMERAS if camera.modality == "visible")
INFRARED = tuple(camera.number for camera in CAMERAS if camera.modality == "infrared")


@dataclass(frozen=True)
class Sysu:
    """A tree whose lists were read: ascending person numbers to train on and to test on."""

    root: Path
    train_ids: tuple[int, ...]
    test_ids: tuple[int, ...]

    def files(self, camera: int, ids: Iterable[int]) -> tuple[ImageFile, ...]:
        """List one camera's images of ``ids``: ascending persons, and names sorted within a person.

        A person who never passed this camera has none. Only this camera's folder is opened.
        """
        folder = camera_folder(self.root, camera)
        return tuple(
            ImageFile(folder / f"{person:04d}" / name, person, camera)
            for person in sorted(set(ids))
            for name in image_names(folder / f"{person:04d}")
        )


def camera_folder(root: Path, camera: int) -> Path:
    """Return where a camera's persons lie, ``root/camK``."""
    return root / f"cam{camera}"


def open_sysu(root: Path) -> Sysu:
    """Open a whole tree after looking at its lists and at every camera.

    Raises:
        DataError: one sentence for a folder or list that is missing, a malformed list, persons both
            trained on and tested on, a camera folder that is missing, persons without any image, or
            empty files. It may name ``root`` and the camera folder, never a file or a person.
    """
    sysu = read_lists(root, f"'{root}'")
    listed_ids = sysu.train_ids + sysu.test_ids
    per_camera = [_camera_files(sysu, camera.number, listed_ids, f"'{root}'") for camera in CAMERAS]
    seen = {file.id for files in per_camera for file in files}
    _refuse_missing(len(set(listed_ids) - seen), len(listed_ids), "listed", f"'{root}'")
    return sysu


def open_camera(root: Path, camera: int) -> Sysu:
    """Open a tree for one camera: the lists and ``camK`` are looked at, no other folder is.

    Raises:
        DataError: as :func:`open_sysu`, for this camera alone, and without any path.
    """
    if camera not in {known.number for known in CAMERAS}:
        raise DataError(f"SYSU-MM01 has no camera {camera}; expected a number from 1 to {len(CAMERAS)}")
    sysu = read_lists(root, "the data folder")
    if not _camera_files(sysu, camera, sysu.train_ids + sysu.test_ids, "the data folder"):
        raise DataError(
            f"cam{camera} in the data folder holds no image of a listed person; expected "
            f"cam{camera}/0001/0001.jpg and so on: copy the camera's folder again"
        )
    return sysu


def open_tests(root: Path) -> Sysu:
    """Open a tree for the evaluator: of every camera the folders of test persons, of nobody else.

    A copy that holds no training person's images will do; the lists must be whole.

    Raises:
        DataError: as :func:`open_sysu`, for the test persons alone, or because none of them has an
            infrared image, or none a visible one; without any path.
    """
    shown = "the data folder"
    sysu = read_lists(root, shown)
    per_camera = {c.number: _camera_files(sysu, c.number, sysu.test_ids, shown) for c in CAMERAS}
    seen = {file.id for files in per_camera.values() for file in files}
    _refuse_missing(len(set(sysu.test_ids) - seen), len(sysu.test_ids), "to test on", shown)
    for modality, cameras in (("infrared", INFRARED), ("visible", VISIBLE)):
        if not any(per_camera[camera] for camera in cameras):
            raise DataError(
                f"no {modality} image of a person to test on is in {shown}; expected some under "
                f"{' and '.join(f'cam{camera}' for camera in cameras)}: copy these folders again"
            )
    return sysu


def _refuse_missing(missing: int, listed: int, whom: str, shown: str) -> None:
    if missing:
        raise DataError(
            f"{missing} of {listed} persons {whom} in {shown} have no image in any camera; expected at "
            f"least one each, so the copy is probably incomplete: copy {_all_cameras()} again"
        )


def read_lists(root: Path, shown: str) -> Sysu:
    """Read the three lists; ``shown`` is what an error calls the root."""
    if not root.is_dir():
        raise DataError(
            f"{shown} is not a folder; expected the root of SYSU-MM01, which holds {_all_cameras()} and {EXP}"
        )
    train = [number_line(root, f"{EXP}/{name}", shown) for name in TRAIN_LISTS]
    test = number_line(root, f"{EXP}/{TEST_LIST}", shown)
    both = sorted(number for numbers in train for number in numbers)
    twice = len(both) - len(set(both))
    if twice:
        raise DataError(
            f"{twice} persons stand in both {EXP}/{TRAIN_LISTS[0]} and {EXP}/{TRAIN_LISTS[1]} of {shown}; "
            "expected each in one of them: restore the published lists"
        )
    overlap = len(set(both) & set(test))
    if overlap:
        raise DataError(
            f"{overlap} persons of {shown} are both trained on and tested on; expected none: restore the "
            f"published lists under {EXP}"
        )
    return Sysu(root, tuple(both), tuple(sorted(test)))


def _camera_files(sysu: Sysu, camera: int, ids: Iterable[int], shown: str) -> tuple[ImageFile, ...]:
    """List a camera's images of ``ids``; a missing folder or empty files raise."""
    if not camera_folder(sysu.root, camera).is_dir():
        raise DataError(
            f"cam{camera} is missing in {shown}; expected {_all_cameras()}, so the copy is probably "
            f"incomplete: copy cam{camera} again"
        )
    files = sysu.files(camera, ids)
    refuse_empty(files, f"cam{camera} in {shown}", "sysu")
    return files


def _all_cameras() -> str:
    return f"cam1 to cam{len(CAMERAS)}"
