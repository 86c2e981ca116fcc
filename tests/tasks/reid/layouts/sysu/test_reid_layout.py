import shutil
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.reid.layouts.sysu.layout import SYSU
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate
from isofed.tasks.reid.layouts.sysu.read import read_lists
from isofed.tasks.reid.options import ReidOptions

TINY = SyntheticSysu(identities=8, test_identities=2, images=2, coverage=0.5, height=32, width=16)
OPTIONS = ReidOptions(height=32, width=16, batch_identities=2)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a tree whose training persons are gone."""
    generate(tmp_path / "tree", 0, TINY)
    whole = SYSU.open_test(tmp_path / "tree", tmp_path / "whole", OPTIONS)
    assert len(whole.query) == 2 * 2 * 2 and len(whole.gallery) == 4 * 2 * 2
    for person in read_lists(tmp_path / "tree", "the tree").train_ids:
        for folder in (tmp_path / "tree").glob(f"cam*/{person:04d}"):
            shutil.rmtree(folder)
    return tmp_path / "tree"


def test_a_copy_of_the_test_split_serves_the_evaluator(root: Path, tmp_path: Path) -> None:
    test = SYSU.open_test(root, tmp_path / "cache", OPTIONS)
    for name, images in (("query", test.query), ("gallery", test.gallery)):
        assert np.array_equal(images.pixels, np.load(tmp_path / "whole" / name / "pixels.npy"))


def test_the_same_copy_trains_nobody(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cam2 holds 0 identities to train on"):
        SYSU.open_train(root, "cam2", tmp_path / "cache", OPTIONS)
