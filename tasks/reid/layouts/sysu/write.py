"""Writing a made data set as SYSU-MM01 is published."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from isofed.tasks.layouts.tree import File, write_tree
from isofed.tasks.reid.layouts.sysu.read import EXP, TEST_LIST, TRAIN_LISTS


@dataclass(frozen=True)
class Folder:
    """One person's images from one camera, each as the bytes of a JPEG file."""

    camera: int
    id: int
    jpegs: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.jpegs)


def write_sysu(
    out: Path, folders: Iterable[Folder], lists: Mapping[str, Iterable[int]], mark: Mapping[str, object]
) -> None:
    """Write a tree: ``folders`` as they come, then the lists; see :func:`write_tree`.

    Args:
        out: the root to be.
        folders: all images.
        lists: person numbers under ``train_id.txt``, ``val_id.txt`` and ``test_id.txt``.
        mark: what ``synthetic.json`` shall hold, as JSON values.
    """
    write_tree(out, _files(folders, lists), mark)


def _files(folders: Iterable[Folder], lists: Mapping[str, Iterable[int]]) -> Iterator[File]:
    for folder in folders:
        for number, data in enumerate(folder.jpegs, 1):
            yield f"cam{folder.camera}/{folder.id:04d}/{number:04d}.jpg", data
    for name in (*TRAIN_LISTS, TEST_LIST):
        yield f"{EXP}/{name}", (",".join(str(number) for number in lists[name]) + "\n").encode()
