"""The structure of the published protocol: fact tables of L2RW for SYSU-MM01, clients and weights."""

from pathlib import Path

import numpy as np
import pytest

from isofed.strategies.rules import COUNTS
from isofed.tasks import TASKS
from isofed.tasks.reid.layouts.images import cached
from isofed.tasks.reid.layouts.sysu.check import PUBLISHED
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate
from isofed.tasks.reid.layouts.sysu.read import CAMERAS, open_camera
from isofed.tasks.reid.sampling import batches, steps_per_round

BATCH = 64
FULL_BATCHES = (4672, 5696, 7872, 5760, 5952, 3968)
WEIGHTS = (0.13774, 0.16792, 0.23208, 0.16981, 0.17547, 0.11698)
STEPS = (74, 90, 124, 91, 94, 63)
TINY = SyntheticSysu(identities=8, test_identities=2, images=2, coverage=0.5, height=32, width=16)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("structure") / "sysu"
    generate(root, 0, TINY)
    return root


def test_counts_weights_and_steps_are_those_that_the_original_run_printed() -> None:
    images = [count for _, count in PUBLISHED.cameras]
    counted = [COUNTS["full_batches"](count, BATCH) for count in images]
    assert tuple(counted) == FULL_BATCHES and sum(counted) == 33920
    assert tuple(round(count / sum(counted), 5) for count in counted) == WEIGHTS
    assert tuple(steps_per_round(count, 8, 8) for count in images) == STEPS and sum(STEPS) == 536


def test_a_camera_is_a_client_and_holds_one_modality(tree: Path) -> None:
    sites = TASKS["reid"].layouts["sysu"].sites(tree, "camera")
    assert [site.name for site in sites] == [f"cam{number}" for number in range(1, 7)]
    facts = [site.facts["modality"] for site in sites]
    assert facts == ["visible", "visible", "infrared", "visible", "visible", "infrared"]


@pytest.mark.parametrize("camera", [camera.number for camera in CAMERAS])
def test_the_pictures_are_what_the_camera_says(tree: Path, camera: int, tmp_path: Path) -> None:
    opened = open_camera(tree, camera)
    images = cached(tmp_path, opened.files(camera, opened.train_ids), 32, 16)
    grey = (images.pixels[..., 0] == images.pixels[..., 1]).all() and (
        images.pixels[..., 1] == images.pixels[..., 2]
    ).all()
    assert set(images.cams.tolist()) == {camera} and grey == (camera in (3, 6))


def test_nobody_is_trained_on_and_tested_on(tree: Path) -> None:
    opened = open_camera(tree, 1)
    assert not set(opened.train_ids) & set(opened.test_ids)


def test_a_published_batch_is_eight_people_of_eight_pictures() -> None:
    labels = np.repeat(np.arange(194), 24)
    for step in batches(labels, 8, 8, np.random.default_rng(0)):
        _, counts = np.unique(labels[step], return_counts=True)
        assert counts.tolist() == [8] * 8
