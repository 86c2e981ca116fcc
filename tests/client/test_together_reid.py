"""Re-identification's own model and losses, where examples meet, trained together under every level."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from together_case import apart, both

from isofed.client import together
from isofed.client.place import Place
from isofed.client.stackable import why_not
from isofed.client.workshop import Workshop
from isofed.seeds import public
from isofed.tasks import TASKS
from isofed.tasks.reid import build
from isofed.tasks.reid.train import transform
from isofed.tasks.task import Batch, Samples

BOUND = 1e-9  # of a leaf's largest entry, in float64
PEOPLE, HEIGHT, WIDTH = 6, 32, 16
SMALL = {
    **{"height": HEIGHT, "width": WIDTH, "padding": 2, "batch_identities": 4, "batch_images": 2},
    **{"stem": 4, "stage2": 4, "stage3": 8, "dimensions": 8},
}


def people(root: Path, site: str, cache: Path, options: Any) -> Samples:
    """Return pictures of as many people as the site's name says."""
    rng, count = public(0, 0, site, "pictures"), int(site.split("_")[1])
    labels = np.arange(30) % count
    pictures = rng.integers(0, 256, (30, HEIGHT, WIDTH, 3)) // 2 + 20 * labels[:, None, None, None]
    return Samples(pictures.astype(np.uint8), labels)


def doubled(*given: Any) -> Batch:
    """Return the batch in float64: in float32 the circle loss makes much of a last digit within four steps,
    in which another order of sums and another formula look the same."""
    batch = transform(*given)
    return Batch(batch.inputs.double(), batch.labels)


@pytest.fixture(autouse=True, scope="module")
def _drawn_in_memory() -> Iterator[None]:
    task: Any = TASKS["reid"]
    training = replace(task.training, transform=doubled)
    layout = replace(task.layouts["sysu"], open_train=people, folders=lambda root, site: ())
    with pytest.MonkeyPatch.context() as patch:
        task = replace(task, layouts={"sysu": layout}, training=training, model=lambda *a: build(*a).double())
        patch.setitem(TASKS, "reid", task)
        yield


def shop_of(level: str, **options: Any) -> Workshop:
    classes = 0 if level == "camera_strict" else PEOPLE
    cfg = {
        "run": "test",
        "seed": 1,
        "rounds": 4,
        "evaluate_every": 0,
        "layout": "sysu",
        "task": {"name": "reid", "classes": classes, **SMALL, **options},
        "protocol": {"name": level},
        "strategy": {"name": "fedavg"},
    }
    return Workshop.of(json.dumps(cfg))


def places_of(level: str, counts: list[int]) -> list[Place]:
    folder = Path("nowhere")
    return [
        Place(f"cam{k}_{count}", folder, folder / f"{k}", folder, level, 2, simulated=1)
        for k, count in enumerate(counts)
    ]


@pytest.mark.parametrize("objective", ["baseline", "agw"])
@pytest.mark.parametrize("level", ["camera", "entity"])
def test_cameras_end_where_each_ends_alone(
    level: str, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, places = shop_of(level, objective=objective), places_of(level, [PEOPLE] * 3)
    assert why_not(shop, places[0]) is None
    alone, beside = both(shop, places, rounds=1)
    gaps = [apart(a, b) for a, b in zip(alone, beside, strict=True)]
    assert max(gaps) < BOUND


def test_private_heads_of_one_size_are_stacked_and_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    single, seen = together.train, list[str]()

    def alone(shop: Any, place: Any, *more: Any) -> Any:
        seen.append(place.site)
        return single(shop, place, *more)

    monkeypatch.setattr(together, "train", alone)
    shop, places = shop_of("camera_strict"), places_of("camera_strict", [6, 5, 6, 4, 5])
    one, other = both(shop, places, rounds=2)
    gaps = [apart(a, b) for a, b in zip(one, other, strict=True)]
    assert max(gaps) < BOUND
    assert seen == ["cam3_4"] * 2
