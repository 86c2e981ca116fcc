"""The task as the command runs it: rooms with and without labels, people, the same bits after a crash."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.files import load_state
from isofed.simulations.command import composed
from isofed.simulations.simulate import resume, simulate
from isofed.tasks.micro_gesture import TASK
from isofed.tasks.micro_gesture.model import HEAD_PREFIXES

At = Callable[[str], tuple[str, str]]
TINY = (
    "task=micro_gesture",
    "rounds=2",
    "evaluate_every=1",
    "alone=false",
    "tensorboard=false",
    "progress=false",
    "engine.workers=1",
    "task.width=12",
    "task.batch=8",
)
MADE: dict[str, dict[str, Any]] = {
    "imigue": {"subjects": 3, "videos": 2, "clips": 3},
    "smg": {"subjects": 3, "videos": 2, "clips": 2},
    "micro_gesture_silos": {"silos": 2, "unlabelled": 1, "subjects": 4, "videos": 2, "clips": 2},
}


def ran(folder: Path, *words: str) -> dict[str, Any]:
    """Run a simulation and return its summary."""
    return simulate(dict(composed([*TINY, *words])), folder, list(words))


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> At:
    """Return a layout's name to the words that choose a small tree of it, drawn once."""

    @cache
    def words(name: str) -> tuple[str, str]:
        layout, root = TASK.layouts[name], tmp_path_factory.mktemp(name) / "data"
        layout.make(root, 0, layout.options(**MADE[name]), map, None)
        return f"data={name}", f"data.root={root}"

    return words


def test_a_room_without_labels_trains_and_is_measured_by_what_it_rebuilds(tmp_path: Path, at: At) -> None:
    summary = ran(tmp_path, *at("micro_gesture_silos"), "holdout=0.3", "tensorboard=true")
    own = summary["metrics"]["own"]["federated"]["sites"]
    assert set(own["silo1"]) == {"own_clip_accuracy", "own_UAR", "own_rebuilt"}
    assert set(own["silo2"]) == {"own_rebuilt"}
    history = json.loads((tmp_path / "result.json").read_text())["history"]
    assert all(np.isfinite(loss) for entry in history[1:] for loss in entry["loss"].values())
    page = (tmp_path / "report.html").read_text()
    assert "Samples as the model sees them" in page and "Retrieval" not in page and "Query" not in page
    assert "video accuracy: share of videos" in page
    assert 'class="number">clips</th>' in page and 'class="number">emotions</th>' in page
    labels = next(tmp_path.rglob("embedding_labels.tsv")).read_text().splitlines()
    assert labels[0].split("\t") == ["person", "video", "emotion"] and len(labels) > 2
    assert "features of single clips" in page and "images" not in page.partition("How to reproduce")[0]


@pytest.mark.slow
def test_check_16_a_site_and_its_twin_are_one_trainer(tmp_path: Path, at: At) -> None:
    """Whole passes as one batch: then the order of a pass, which a site's name decides, does not matter."""
    _, words = at("micro_gesture_silos")
    for names in (["silo1"], ["silo1", "twin"]):
        for name in names:
            shutil.copytree(
                Path(words.removeprefix("data.root=")) / "silo1", tmp_path / f"{len(names)}" / name
            )
    one, both = (
        trees(tmp_path / f"run{n}", f"data.root={tmp_path / str(n)}", "task.batch=64") for n in (1, 2)
    )
    assert one.keys() == both.keys()
    for name, wanted in one.items():
        np.testing.assert_allclose(both[name], wanted, rtol=1e-3, atol=1e-5)


def trees(folder: Path, *words: str) -> dict[str, Any]:
    """Return what the server holds after two rounds."""
    ran(folder, "data=micro_gesture_silos", "task.split=videos", *words)
    _, state = load_state(folder / "checkpoints" / "round_000002.ckpt", "a checkpoint")
    return {name: value for tree in ("t/model", "t/buffers") for name, value in state[tree].items()}  # type: ignore[union-attr]


@pytest.mark.slow
def test_where_nobody_knows_an_emotion_the_head_stands_still(tmp_path: Path, at: At) -> None:
    ran(tmp_path, *at("micro_gesture_silos"), "task.labelled=0")
    first, last = (
        dict(
            load_state(tmp_path / "checkpoints" / f"round_{n:06d}.ckpt", "a checkpoint")[1]["t/model"].items()
        )  # type: ignore[union-attr]
        for n in (1, 2)
    )
    stood = {name for name in first if np.array_equal(first[name], last[name])}
    assert {name for name in first if name.startswith(HEAD_PREFIXES)} <= stood
    assert "encoder.0.attention.of_joints.weight" not in stood and "rebuild.weight" not in stood


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imigue", "smg"])
def test_people_are_clients_also_those_of_one_emotion(tmp_path: Path, at: At, name: str) -> None:
    summary = ran(tmp_path, *at(name), "protocol=entity", "rounds=1")
    assert len(summary["sites"]) == 3
    assert 0 <= summary["metrics"]["federated"]["clip accuracy"] <= 1
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["task"]["name"] == "micro_gesture"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, at: At) -> tuple[Path, str]:
    """Run two rooms once; return the run's folder and its digest."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, ran(folder, *at("micro_gesture_silos"))["weights_sha256"]


@pytest.mark.slow
def test_a_run_cut_short_ends_with_the_same_bits(tmp_path: Path, whole: tuple[Path, str]) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(whole[0], cut)
    for path in (*(cut / "checkpoints").glob("round_000002*"), cut / "result.json", cut / "summary.json"):
        path.unlink()
    assert resume(cut)["weights_sha256"] == whole[1]


@pytest.mark.slow
def test_workers_change_no_bit(tmp_path: Path, at: At, whole: tuple[Path, str]) -> None:
    two = ran(tmp_path, *at("micro_gesture_silos"), "engine.workers=2")
    assert two["weights_sha256"] == whole[1]
