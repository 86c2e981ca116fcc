"""Pictures read from a tree are those that were drawn; damage is said in a sentence."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.vein.drawing.sensors import Sensor
from isofed.tasks.vein.realism.picture import dealt, drawn, find, kind, published


def test_what_is_read_is_what_was_drawn(tree: Path) -> None:
    files = find(tree, 100)
    takes = [(file.take.subject - 1, file.take.sample) for file in files]
    assert len(takes) == 16 and {finger for finger, _ in takes} == {0, 1}
    for read, made in zip(published(files), drawn(5, takes, Sensor()), strict=True):
        assert (read.finger, read.sample, read.kind) == (made.finger + 1, made.sample, made.kind)
        for name in ("image", "shape", "veins"):
            assert np.array_equal(getattr(read, name), getattr(made, name))
        assert read.centre == pytest.approx(made.centre, abs=0.005)


def test_fewer_are_spread_over_all(tree: Path) -> None:
    every, some = find(tree, 100), find(tree, 4)
    assert [every.index(file) for file in some] == [0, 5, 10, 15]
    assert find(tree, 1) == every[:1]


def test_samples_are_dealt_in_turn() -> None:
    hands = dealt(range(1, 11), 4, 5)
    assert len(hands) == 20 and sorted(finger for finger, _ in hands) == [n // 5 for n in range(20)]
    # every sample comes equally often, and no finger is left without one
    assert sorted(sample for _, sample in hands) == sorted([*range(1, 11)] * 2)
    assert dealt((1, 3, 5), 2, 2) == [(0, 1), (0, 5), (1, 3), (1, 1)]


def change(tree: Path, tmp_path: Path, folder: str, act: Callable[[Path], object]) -> Path:
    """Copy the tree, and do something to a file of a folder."""
    copy = tmp_path / "copy"
    shutil.copytree(tree, copy)
    act(sorted((copy / "FingerVeinSyn-5M" / folder).rglob("*.*"))[0])
    return copy


def black(size: tuple[int, int]) -> Callable[[Path], object]:
    return lambda path: Image.new("L", size).save(path)


@pytest.mark.parametrize(
    ("folder", "act", "said"),
    [
        ("shape_masks", Path.unlink, "no shape mask that can be read"),
        ("pattern_masks", black((600, 300)), "a mask shows nothing"),
        ("raw_images", black((60, 30)), "expected 60 x 30 as its picture"),
        ("raw_images", lambda path: path.write_bytes(b"no picture"), "cannot be read; expected whole images"),
        ("annotations", Path.unlink, "cannot be read; expected whole annotations"),
        ("raw_images", lambda path: path.rename(path.with_name("00001_001_Sneeze.png")), "what was varied"),
        ("raw_images", lambda path: path.write_bytes(b""), "1 of 16 image files"),
    ],
)
def test_damage_is_said(
    tree: Path, tmp_path: Path, folder: str, act: Callable[[Path], object], said: str
) -> None:
    copy = change(tree, tmp_path, folder, act)
    with pytest.raises(DataError, match=said) as caught:
        [kind(file) for file in find(copy, 100)]
        list(published(find(copy, 100)))
    assert "00001" not in str(caught.value)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        find(tmp_path / "nowhere", 5)
