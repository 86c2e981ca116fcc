"""Writing a made data set as RegDB is published."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isofed.tasks.layouts.tree import File, write_tree
from isofed.tasks.reid.layouts.regdb.read import CAMERAS, Camera, list_name


@dataclass(frozen=True)
class Folder:
    """One person's images from one camera, each as the bytes of a BMP file."""

    camera: Camera
    person: int
    bmps: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.bmps)

    def names(self) -> tuple[str, ...]:
        """Return the images' paths below the root."""
        letter = self.camera.modality[0]
        start = f"{self.camera.folder}/{self.person}/drawn_{letter}"
        return tuple(f"{start}_{number:05d}_{self.person}.bmp" for number in range(1, len(self) + 1))


@dataclass(frozen=True)
class Split:
    """Whom one split trains on and tests on: persons' folder numbers; a label is a place in them."""

    train: tuple[int, ...]
    test: tuple[int, ...]


def write_regdb(
    out: Path, folders: Iterable[Folder], splits: Sequence[Split], mark: Mapping[str, object]
) -> None:
    """Write a tree: ``folders`` as they come, then the lists; see :func:`write_tree`.

    Args:
        out: the root to be.
        folders: all images, one folder for each camera and person.
        splits: split 1 and so on.
        mark: what ``synthetic.json`` shall hold, as JSON values.
    """
    write_tree(out, _files(folders, splits), mark)


def _files(folders: Iterable[Folder], splits: Sequence[Split]) -> Iterator[File]:
    names = {}
    for folder in folders:
        names[folder.camera, folder.person] = folder.names()
        yield from zip(folder.names(), folder.bmps, strict=True)
    for number, split in enumerate(splits, 1):
        for half, persons in (("train", split.train), ("test", split.test)):
            for camera in CAMERAS:
                lines = (f"{n} {label}\n" for label, p in enumerate(persons) for n in names[camera, p])
                yield list_name(half, camera, number), "".join(lines).encode()
