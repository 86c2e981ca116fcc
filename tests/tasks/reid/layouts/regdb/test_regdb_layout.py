import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.strategies.rules import COUNTS
from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.images import ImageFile, Images, decode
from isofed.tasks.reid.layouts.regdb.layout import REGDB, open_all_tests
from isofed.tasks.reid.layouts.regdb.make import SyntheticRegdb, generate, plan
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.reid.options import ReidOptions

TINY = SyntheticRegdb(identities=8, test_identities=3, images=2, height=32, width=16)
OPTIONS = ReidOptions(height=32, width=16, batch_identities=2)
LEVELS = {
    "camera": ["cam1", "cam2"],
    "camera_strict": ["cam1", "cam2"],
    "entity": ["regdb"],
    "sharing": ["pooled"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("layout") / "regdb"
    generate(root, 0, TINY)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "regdb"))


def _options(split: int) -> ReidOptions:
    return dataclasses.replace(OPTIONS, split=split)


def test_the_task_offers_it() -> None:
    assert TASKS["reid"].layouts["regdb"] is REGDB and REGDB.name == "regdb"


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_has_its_owners(level: str, made: Path) -> None:
    found = REGDB.sites(made, level)
    assert [site.name for site in found] == LEVELS[level]
    if level.startswith("camera"):
        assert [site.facts["modality"] for site in found] == ["visible", "thermal"]


def test_two_cameras_of_the_published_size_weigh_half_each() -> None:
    counts = [COUNTS["full_batches"](2060, 64)] * 2
    assert counts == [2048, 2048] and counts[0] / sum(counts) == 0.5


@pytest.mark.parametrize("site", ["cam1", "cam2", "regdb", "pooled"])
def test_a_site_holds_its_images_with_the_lists_labels(site: str, made: Path, tmp_path: Path) -> None:
    samples = REGDB.open_train(made, site, tmp_path, _options(4))
    cameras = {"cam1": 1, "cam2": 1}.get(site, 2)
    assert len(samples) == 16 * cameras
    assert samples.labels.tolist() == np.repeat(np.arange(8), 2).tolist() * cameras
    kinds = {"cam1": [0], "cam2": [1]}.get(site, [0, 1])
    assert samples.domains.tolist() == np.repeat(kinds, 16).tolist()
    grey = (np.ptp(samples.inputs, axis=3) == 0).all(axis=(1, 2))
    assert grey.tolist() == (samples.domains == 1).tolist()


def test_the_same_label_is_the_same_person_to_both_cameras(made: Path, tmp_path: Path) -> None:
    options, drawn = _options(6), plan(0, TINY)[5]
    assert REGDB.resolve(made, options) == {"classes": len(drawn.train)}
    for folder, site in (("Visible", "cam1"), ("Thermal", "cam2")):
        samples = REGDB.open_train(made, site, tmp_path / site, options)
        for label, person in enumerate(drawn.train):
            files = [ImageFile(path, 0, 0) for path in sorted((made / folder / str(person)).iterdir())]
            assert np.array_equal(samples.inputs[samples.labels == label], decode(files, 32, 16))


def test_a_split_is_a_cache_of_its_own(made: Path, tmp_path: Path) -> None:
    first = np.array(REGDB.open_train(made, "cam1", tmp_path / "cache", _options(1)).inputs)
    second = np.array(REGDB.open_train(made, "cam1", tmp_path / "cache", _options(2)).inputs)
    assert not np.array_equal(first, second)
    fresh = REGDB.open_train(made, "cam1", tmp_path / "fresh", _options(2)).inputs
    assert np.array_equal(second, fresh)


@pytest.mark.parametrize("split", [1, 10])
def test_a_split_s_test_is_thermal_against_visible_without_draws(
    split: int, made: Path, tmp_path: Path
) -> None:
    test = REGDB.open_test(made, tmp_path, _options(split))
    assert (test.rule, test.permutations, test.repetitions) == ("regdb", None, ())
    assert set(test.query.cams) == {2} and set(test.gallery.cams) == {1}
    assert test.query.ids.tolist() == test.gallery.ids.tolist() == [0, 0, 1, 1, 2, 2]


def test_a_camera_needs_nothing_of_the_other(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / "Visible")
    for path in (root / "idx").glob("*visible*"):
        path.unlink()
    assert len(REGDB.open_train(root, "cam2", tmp_path / "cache", OPTIONS)) == 16
    with pytest.raises(DataError, match=r"train_visible_1\.txt is missing in the data folder"):
        REGDB.open_train(root, "cam1", tmp_path / "cache", OPTIONS)


def test_the_evaluator_needs_no_training_person(root: Path, tmp_path: Path) -> None:
    whole = REGDB.open_test(root, tmp_path / "whole", OPTIONS)
    for folder in ("Visible", "Thermal"):
        for person in plan(0, TINY)[0].train:
            shutil.rmtree(root / folder / str(person))
    found = REGDB.open_test(root, tmp_path / "cache", OPTIONS)
    assert np.array_equal(found.query.pixels, whole.query.pixels)
    assert np.array_equal(found.gallery.pixels, whole.gallery.pixels)


def _images(images: object) -> Images:
    assert isinstance(images, Images)
    return images


def test_all_splits_together_are_the_splits_one_by_one(made: Path, tmp_path: Path) -> None:
    together: TestSet = open_all_tests(made, tmp_path / "all", OPTIONS)
    query, gallery = _images(together.query), _images(together.gallery)
    assert len(together.repetitions) == 10
    everybody = {person for split in plan(0, TINY) for person in split.test}
    assert len(query) == len(gallery) == 2 * len(everybody) and set(query.ids) == everybody
    for split, (asked, searched) in zip(range(1, 11), together.repetitions, strict=True):
        alone = REGDB.open_test(made, tmp_path / "one", _options(split))
        assert np.array_equal(query.pixels[asked], alone.query.pixels)
        assert np.array_equal(gallery.pixels[searched], alone.gallery.pixels)
        persons = np.array(plan(0, TINY)[split - 1].test)
        assert np.array_equal(query.ids[asked], persons[alone.query.ids])
        assert np.array_equal(gallery.ids[searched], persons[alone.gallery.ids])


def test_too_few_people_for_a_batch_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cam1 holds 8 identities to train on, but a batch needs 9"):
        REGDB.open_train(made, "cam1", tmp_path, dataclasses.replace(OPTIONS, batch_identities=9))
