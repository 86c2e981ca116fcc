"""A set that is easily told apart: the whole way from pictures to R1 must reach 1, from far below."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS
from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.layouts.sysu.read import CAMERAS, TRAIN_LISTS
from isofed.tasks.reid.layouts.sysu.write import Folder, write_sysu
from isofed.tasks.reid.options import ReidOptions

TRAIN, TEST, IMAGES, HEIGHT, WIDTH = 16, 8, 4, 32, 16
SMALL = {"height": HEIGHT, "width": WIDTH, "stem": 4, "stage2": 8, "stage3": 8, "dimensions": 16, "flip": 0.0}
BATCHES = {"batch_identities": 8, "batch_images": 4, "padding": 1}


def pattern(person: int) -> np.ndarray:
    """A person's squares, the same before every camera: (H, W) uint8."""
    squares = np.random.default_rng(person).integers(0, 2, (4, 2)) * 200 + 20
    return np.kron(squares, np.ones((HEIGHT // 4, WIDTH // 2))).astype(np.uint8)


def pictures(camera: Any, person: int) -> np.ndarray:
    """A person's pictures from one camera, lit anyhow and noisy."""
    rng = np.random.default_rng([camera.number, person])
    light = rng.uniform(0.15, 1.0, (IMAGES, 1, 1))
    grey = np.clip(pattern(person) * light + rng.normal(0, 20, (IMAGES, HEIGHT, WIDTH)), 0, 255).astype(
        np.uint8
    )
    return grey if camera.modality == "infrared" else np.repeat(grey[..., None], 3, axis=3)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("separable") / "sysu"
    people = range(1, TRAIN + TEST + 1)
    folders = [Folder(c.number, p, encode(pictures(c, p))) for c in CAMERAS for p in people]
    lists = {name: [] for name in TRAIN_LISTS} | {
        TRAIN_LISTS[0]: range(1, TRAIN),
        TRAIN_LISTS[1]: [TRAIN],
        "test_id.txt": range(TRAIN + 1, TRAIN + TEST + 1),
    }
    write_sysu(root, folders, lists, {})
    return root


def trained(tree: Path, folder: Path, **changes: Any) -> list[Any]:
    """The history of a short federation."""
    layout, task = TASKS["reid"].layouts["sysu"], {**SMALL, **BATCHES, **changes}
    cfg = {
        "run": "separable",
        "seed": 0,
        "rounds": 10,
        "evaluate_every": 0,
        "layout": "sysu",
        "task": {"name": "reid", **task, **layout.resolve(tree, ReidOptions())},
        "protocol": {"name": "camera"},
        "strategy": {"name": "dppt"},
    }
    sites = tuple(site.name for site in layout.sites(tree, "camera"))
    result = run(Federation("test", cfg, sites, tree, folder / "sites", folder), Pool(1))
    return list(result["history"])


@pytest.mark.slow
def test_what_is_plain_to_see_is_found_every_time(tree: Path, tmp_path: Path) -> None:
    before, *_, after = trained(tree, tmp_path)
    assert before["metrics"]["mean"]["R1"] < 0.6
    assert after["metrics"]["mean"]["R1"] == 1.0
