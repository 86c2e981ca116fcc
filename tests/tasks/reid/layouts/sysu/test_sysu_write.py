import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.layouts.tree import MARK, encode
from isofed.tasks.reid.layouts.sysu.read import open_sysu
from isofed.tasks.reid.layouts.sysu.write import Folder, write_sysu

LISTS = {"train_id.txt": [1], "val_id.txt": [2], "test_id.txt": [3]}


def _folders(brightness: int = 100) -> list[Folder]:
    grey = np.full((2, 8, 4), brightness, np.uint8)
    return [Folder(camera, person, encode(grey)) for camera in range(1, 7) for person in (1, 2, 3)]


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


class Killed(BaseException):
    """Stands for a signal."""


def _killed_after(folders: list[Folder], count: int) -> Iterator[Folder]:
    yield from folders[:count]
    raise Killed


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_sysu(tmp_path / "a", _folders(), LISTS, {"seed": 0})
    tree = open_sysu(tmp_path / "a")
    assert tree.train_ids == (1, 2) and tree.test_ids == (3,)
    assert [file.path.relative_to(tree.root).as_posix() for file in tree.files(6, [2])] == [
        "cam6/0002/0001.jpg",
        "cam6/0002/0002.jpg",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_grey_image_stays_grey_and_close(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 96 * 48).reshape(1, 96, 48).astype(np.uint8)
    (tmp_path / "a.jpg").write_bytes(encode(ramp)[0])
    with Image.open(tmp_path / "a.jpg") as image:
        assert image.mode == "L"
        assert np.abs(np.asarray(image).astype(int) - ramp[0]).max() <= 6


@pytest.mark.parametrize("count", [0, 1, 9])
def test_a_killed_writer_leaves_nothing_half_written(tmp_path: Path, count: int) -> None:
    write_sysu(tmp_path / "whole", _folders(), LISTS, {})
    with pytest.raises(Killed):
        write_sysu(tmp_path / "a", _killed_after(_folders(50), count), LISTS, {})
    assert not (tmp_path / "a").exists()
    write_sysu(tmp_path / "a", _folders(), LISTS, {})
    assert _tree(tmp_path / "a") == _tree(tmp_path / "whole")
    assert not (tmp_path / "a.partial").exists()


def test_a_kill_while_an_old_tree_is_removed_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    write_sysu(tmp_path / "a", _folders(50), LISTS, {})
    rmtree, calls = shutil.rmtree, []

    def kill_at_third(path: Path) -> None:
        calls.append(path)
        if len(calls) == 3:
            raise Killed
        rmtree(path)

    monkeypatch.setattr(shutil, "rmtree", kill_at_third)
    with pytest.raises(Killed):
        write_sysu(tmp_path / "a", _folders(), LISTS, {})
    monkeypatch.undo()
    write_sysu(tmp_path / "a", _folders(), LISTS, {})
    write_sysu(tmp_path / "whole", _folders(), LISTS, {})
    assert _tree(tmp_path / "a") == _tree(tmp_path / "whole")


def test_an_own_tree_is_replaced_and_an_empty_folder_filled(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    write_sysu(tmp_path / "a", _folders(50), LISTS, {})
    write_sysu(tmp_path / "a", _folders(), LISTS, {"seed": 1})
    write_sysu(tmp_path / "b", _folders(), LISTS, {"seed": 1})
    assert _tree(tmp_path / "a") == _tree(tmp_path / "b")


@pytest.mark.parametrize("name", ["a", "a.partial"])
def test_a_foreign_folder_is_never_touched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match=rf"{name}' holds something that was not made by isofed; expected"):
        write_sysu(tmp_path / "a", _folders(), LISTS, {})
    assert (tmp_path / name / "thesis.tex").read_text() == "years of work"
    assert os.listdir(tmp_path) == [name]


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with pytest.raises(DataError, match="not made by isofed"):
        write_sysu(tmp_path / "a", _folders(), LISTS, {})


def test_the_mark_is_the_first_file(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        write_sysu(tmp_path / "a", _killed_after(_folders(), 0), LISTS, {})
    assert os.listdir(tmp_path / "a.partial") == [MARK]
