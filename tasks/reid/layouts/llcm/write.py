"""Writing a made data set as LLCM is published."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from isofed.tasks.layouts.tree import File, write_tree
from isofed.tasks.reid.layouts.llcm.read import IDX, SHORT, TEST_LIST, list_name


@dataclass(frozen=True)
class Folder:
    """One person's images from one half of a camera, each as the bytes of a JPEG file.

    Attributes:
        camera, id: who was seen by which camera.
        modality: ``"visible"`` or ``"infrared"``.
        tested: whether the person is tested on, not trained on.
        jpegs: the images.
    """

    camera: int
    id: int
    modality: str
    tested: bool
    jpegs: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.jpegs)

    def names(self) -> list[str]:
        """Return each image's path below the root."""
        short, person = SHORT[self.modality], f"{self.id:04d}"
        place = f"test_{short}/cam{self.camera}" if self.tested else short
        return [
            f"{place}/{person}/{person}_c{self.camera:02d}_s{self.camera:06d}_f{number:04d}_{short}.jpg"
            for number in range(1, len(self.jpegs) + 1)
        ]


def write_llcm(out: Path, folders: Iterable[Folder], mark: Mapping[str, object]) -> None:
    """Write a tree: ``folders`` as they come, then the lists, which follow from them; see :func:`write_tree`.

    Args:
        out: the root to be.
        folders: all images, training and test.
        mark: what ``synthetic.json`` shall hold, as JSON values.
    """
    write_tree(out, _files(folders), mark)


def _files(folders: Iterable[Folder]) -> Iterator[File]:
    trained: dict[str, list[tuple[int, str]]] = {modality: [] for modality in SHORT}
    tested = set()
    for folder in folders:
        names = folder.names()
        yield from zip(names, folder.jpegs, strict=True)
        if folder.tested:
            tested.add(folder.id)
        else:
            trained[folder.modality] += [(folder.id, name) for name in names]
    yield from _lists(trained)
    yield f"{IDX}/{TEST_LIST}", (",".join(map(str, sorted(tested))) + "\n").encode()


def _lists(trained: Mapping[str, list[tuple[int, str]]]) -> Iterator[File]:
    """Number the persons from 0 by their published numbers, and list their images by person."""
    persons = sorted({person for images in trained.values() for person, _ in images})
    label = {person: number for number, person in enumerate(persons)}
    for modality, images in trained.items():
        lines = [f"{name} {label[person]}\n" for person, name in sorted(images)]
        yield list_name(modality), "".join(lines).encode()
