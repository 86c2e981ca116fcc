"""LLCM as published: lists of training images, which name their cameras; folders of test images by camera.

Source: Zhang and Wang, "Diverse embedding expansion network and low-light cross-modality benchmark for
visible-infrared person re-identification", CVPR 2023, and the data set's own description. Nine cameras,
each with a visible and an infrared half; no infrared test image is of camera 3.

``idx/train_vis.txt`` and ``idx/train_nir.txt`` hold a line ``vis/0001/0001_c01_s185535_f7010_vis.jpg 0``
for each training image, with the path, then a label counted from 0; ``idx/test_id.txt`` holds one line of
person numbers. Test images lie under ``test_vis/cam1/0001`` and so on.

A training client opens its own camera with :func:`open_cameras`: the lists, which are public, tell which
files are its own; it looks at no other, and its errors carry no path. The evaluator opens test images
alone, with :func:`open_tests`. :func:`open_llcm` looks at the whole tree.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from isofed.errors import DataError
from isofed.tasks.reid.layouts.images import ImageFile
from isofed.tasks.reid.layouts.reading import image_names, number_line, read_text, refuse_empty

IDX = "idx"
TEST_LIST = "test_id.txt"
SHORT = {"visible": "vis", "infrared": "nir"}  # modality -> as folders and names spell it
CAMERAS = tuple(range(1, 10))
TEST_CAMERAS = {"visible": CAMERAS, "infrared": (1, 2, 4, 5, 6, 7, 8, 9)}
CLIENT = "the data folder"  # what an error calls the root where no path may be told
PATTERN = re.compile(r"((vis|nir)/(\d{1,4})/(?:[^/\s]*_)?c(\d+)_[^/\s]*\.jpg)[\s,]+(\d+)", re.IGNORECASE)

Files = tuple[ImageFile, ...]


class Line(NamedTuple):
    """One line of a training list: an image's path below the root, its person, its camera, its label."""

    path: str
    id: int
    camera: int
    label: int


@dataclass(frozen=True)
class Llcm:
    """A tree whose lists were read.

    Attributes:
        root: of the tree.
        train: the training lists by modality, ``"visible"`` and ``"infrared"``.
        train_ids, test_ids: ascending person numbers to train on and to test on.
    """

    root: Path
    train: Mapping[str, tuple[Line, ...]]
    train_ids: tuple[int, ...]
    test_ids: tuple[int, ...]

    def of(self, cameras: Collection[int] = CAMERAS) -> dict[str, Files]:
        """Return the training images of some cameras by modality, in the lists' order."""
        return {
            modality: tuple(
                ImageFile(self.root / line.path, line.id, line.camera)
                for line in lines
                if line.camera in cameras
            )
            for modality, lines in self.train.items()
        }

    def test_files(self, modality: str) -> Files:
        """List the test images of a modality: by camera, then by person, then by name.

        A person who never passed a camera has none there.
        """
        folders = [
            (camera, person, test_folder(self.root, modality, camera) / f"{person:04d}")
            for camera in TEST_CAMERAS[modality]
            for person in self.test_ids
        ]
        return tuple(
            ImageFile(folder / name, person, camera)
            for camera, person, folder in folders
            for name in image_names(folder)
        )


def list_name(modality: str) -> str:
    """Return the training list of a modality, below the root."""
    return f"{IDX}/train_{SHORT[modality]}.txt"


def test_folder(root: Path, modality: str, camera: int) -> Path:
    """Return where a camera's test persons lie, such as ``root/test_vis/cam1``."""
    return root / f"test_{SHORT[modality]}" / f"cam{camera}"


def open_llcm(root: Path) -> Llcm:
    """Open a whole tree after looking at its lists and at every image they speak of.

    Raises:
        DataError: one sentence for a folder or list that is missing, a malformed list, persons both
            trained on and tested on, test persons without any image, a modality without test images, or
            files that are empty or missing. It may name ``root``, never a file of images or a person.
    """
    tree = read_lists(root, f"'{root}'")
    for modality, files in tree.of().items():
        refuse_empty(files, f"{SHORT[modality]} in '{root}'", "llcm")
    _look_at_tests(tree, f"'{root}'")
    return tree


def open_cameras(root: Path, cameras: Collection[int]) -> Llcm:
    """Open a tree for some cameras: the lists and their training images are looked at, nothing else is.

    Raises:
        DataError: as :func:`open_llcm`, for these cameras alone, and without any path.
    """
    unknown = sorted(set(cameras) - set(CAMERAS))
    if unknown:
        raise DataError(f"LLCM has no camera {unknown[0]}; expected a number from 1 to {len(CAMERAS)}")
    tree = read_lists(root, CLIENT)
    own = [file for files in tree.of(cameras).values() for file in files]
    if not own:
        raise DataError(
            f"the lists in {CLIENT} name no image of camera {_joined(cameras)}; expected names that hold "
            f"_c{min(cameras):02d}_: restore the published lists under {IDX}"
        )
    refuse_empty(own, f"vis and nir in {CLIENT} of camera {_joined(cameras)}", "llcm")
    return tree


def open_tests(root: Path) -> Llcm:
    """Open a tree for the evaluator: the lists, and the folders of test persons.

    A copy that holds no training image will do.

    Raises:
        DataError: as :func:`open_llcm`, for the test images alone, and without any path.
    """
    tree = read_lists(root, CLIENT)
    _look_at_tests(tree, CLIENT)
    return tree


def read_lists(root: Path, shown: str) -> Llcm:
    """Read the three lists; ``shown`` is what an error calls the root."""
    if not root.is_dir():
        raise DataError(
            f"{shown} is not a folder; expected the root of LLCM, which holds vis, nir, test_vis, test_nir "
            f"and {IDX}"
        )
    train = {modality: _read_list(root, modality, shown) for modality in SHORT}
    train_ids = {line.id for lines in train.values() for line in lines}
    test_ids = number_line(root, f"{IDX}/{TEST_LIST}", shown)
    overlap = len(train_ids & set(test_ids))
    if overlap:
        raise DataError(
            f"{overlap} persons of {shown} are both trained on and tested on; expected none: restore the "
            f"published lists under {IDX}"
        )
    return Llcm(root, train, tuple(sorted(train_ids)), tuple(sorted(test_ids)))


def _read_list(root: Path, modality: str, shown: str) -> tuple[Line, ...]:
    """Return the lines of one training list."""
    name, short = list_name(modality), SHORT[modality]
    advice = f"expected lines such as {short}/0001/0001_c01_s1_f1_{short}.jpg 0: restore the published file"
    lines = [line.strip() for line in read_text(root, name, shown, advice).splitlines() if line.strip()]
    found = [match.groups() for match in map(PATTERN.fullmatch, lines) if match]
    good = [fields for fields in found if fields[1].lower() == short and int(fields[3]) in CAMERAS]
    if not lines or len(good) < len(lines):
        raise DataError(
            f"{len(lines) - len(good)} of {len(lines)} lines of {name} in {shown} are not "
            f"understood; {advice}"
        )
    return tuple(Line(path, int(person), int(camera), int(label)) for path, _, person, camera, label in good)


def _look_at_tests(tree: Llcm, shown: str) -> None:
    """Raise where test images are missing or empty."""
    files = {modality: tree.test_files(modality) for modality in SHORT}
    for modality, found in files.items():
        folder, cameras = f"test_{SHORT[modality]}", TEST_CAMERAS[modality]
        missing = sum(not test_folder(tree.root, modality, camera).is_dir() for camera in cameras)
        if missing or not found:
            raise DataError(
                f"{missing} of {len(cameras)} camera folders of {folder} are missing in {shown}, and the "
                f"others hold {len(found)} images of persons to test on; expected camera {_joined(cameras)}, "
                f"so the copy is probably incomplete: copy {folder} again"
            )
        refuse_empty(found, f"{folder} in {shown}", "llcm")
    without = len(set(tree.test_ids) - {file.id for found in files.values() for file in found})
    if without:
        raise DataError(
            f"{without} of {len(tree.test_ids)} persons to test on in {shown} have no image in any camera; "
            "expected at least one each, so the copy is probably incomplete: copy test_vis and test_nir again"
        )


def _joined(cameras: Collection[int]) -> str:
    return ", ".join(map(str, cameras))
