import shutil
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.reid.layouts.llcm.layout import LLCM
from isofed.tasks.reid.layouts.llcm.make import SyntheticLlcm, generate
from isofed.tasks.reid.layouts.llcm.read import open_llcm
from isofed.tasks.reid.options import ReidOptions

TINY = SyntheticLlcm(identities=10, test_identities=2, images=2, height=32, width=16)
OPTIONS = ReidOptions(height=32, width=16)
CAMERAS = tuple(f"cam{number}" for number in range(1, 10))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "llcm"
    generate(out, 0, TINY)
    return out


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "llcm"))


def test_each_level_has_its_owners(root: Path) -> None:
    for level, names in {"camera": CAMERAS, "entity": ("llcm",), "sharing": ("pooled",)}.items():
        sites = LLCM.sites(root, level)
        assert tuple(site.name for site in sites) == names
        assert {site.facts["modality"] for site in sites} == {"both"}
    assert LLCM.resolve(root, OPTIONS) == {"classes": 10}


def test_cameras_divide_what_the_entity_holds(root: Path, tmp_path: Path) -> None:
    whole = LLCM.open_train(root, "llcm", tmp_path / "whole", OPTIONS)
    parts = [LLCM.open_train(root, name, tmp_path / name, OPTIONS) for name in CAMERAS]
    assert len(whole) == sum(len(part) for part in parts)
    assert set(whole.labels.tolist()) == set(range(10))
    for part in parts:
        assert np.bincount(part.domains).tolist() == [len(part) // 2] * 2
        grey = (part.inputs[..., :1] == part.inputs).all(axis=(1, 2, 3))
        assert (grey == (part.domains == 1)).all()


def test_a_label_is_one_person_before_every_camera(root: Path, tmp_path: Path) -> None:
    tree = open_llcm(root)
    for number, name in enumerate(CAMERAS, 1):
        part = LLCM.open_train(root, name, tmp_path / name, OPTIONS)
        files = [file for half in tree.of([number]).values() for file in half]
        assert [tree.train_ids[label] for label in part.labels] == [file.id for file in files]


def test_a_camera_with_fewer_persons_than_a_batch_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cam1 holds 8 identities to train on, but a batch needs 9"):
        LLCM.open_train(
            root, "cam1", tmp_path / "cache", ReidOptions(height=32, width=16, batch_identities=9)
        )


def test_a_copy_of_the_test_split_serves_the_evaluator(root: Path, tmp_path: Path) -> None:
    for path in [*root.glob("vis/*/*"), *root.glob("nir/*/*")]:
        path.unlink()
    test = LLCM.open_test(root, tmp_path / "cache", OPTIONS)
    assert test.rule == "llcm" and not test.repetitions
    assert len(test.query) == 2 * 8 * 2 and len(test.gallery) == 2 * 9 * 2
    assert set(test.query.cams.tolist()) == {1, 2, 4, 5, 6, 7, 8, 9}
    with pytest.raises(DataError, match="32 of 32 image files"):
        LLCM.open_train(root, "cam2", tmp_path / "cam2", OPTIONS)
