"""Masks are found under both names of their folders."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import ConfigError, DataError
from isofed.tasks.vein.layouts.databases import DATABASES
from isofed.tasks.vein.layouts.masks import FOLDERS, mask
from isofed.tasks.vein.layouts.pictures import VeinFile
from isofed.tasks.vein.layouts.read import list_files


@pytest.fixture
def file(tmp_path: Path) -> VeinFile:
    """Return the one picture of a tree."""
    path = tmp_path / "raw_images/00001/00001_001_Shift.png"
    path.parent.mkdir(parents=True)
    Image.new("L", (600, 300)).save(path)
    return list_files(tmp_path, DATABASES["fingerveinsyn"])[0]


@pytest.mark.parametrize(("kind", "folder"), [(k, name) for k, names in FOLDERS.items() for name in names])
def test_either_folder_will_do(tmp_path: Path, file: VeinFile, kind: str, folder: str) -> None:
    drawn = np.random.default_rng(0).random((300, 600)) > 0.5
    (tmp_path / folder / "00001").mkdir(parents=True)
    Image.fromarray((255 * drawn).astype(np.uint8)).save(tmp_path / folder / "00001" / file.path.name)
    assert np.array_equal(mask(file, kind), drawn)


def test_a_missing_or_broken_mask_is_said(tmp_path: Path, file: VeinFile) -> None:
    for write in (False, True):
        if write:
            (tmp_path / "shape_masks/00001").mkdir(parents=True)
            (tmp_path / "shape_masks/00001" / file.path.name).write_bytes(b"no picture")
        with pytest.raises(DataError, match="no shape mask that can be read") as caught:
            mask(file, "shape")
        assert "00001" not in str(caught.value) and caught.value.__context__ is None
    with pytest.raises(ConfigError, match="unknown mask"):
        mask(file, "bones")
