"""The task as the command runs it: private heads, the same bits whatever the workers, and after a crash."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import CompositionError
from isofed.files import load_state
from isofed.simulations.command import composed
from isofed.simulations.simulate import resume, simulate
from isofed.tasks.vein import TASK

At = Callable[[str], tuple[str, str]]
TINY = (
    "task=vein",
    "strategy=fedavg",
    "rounds=2",
    "evaluate_every=1",
    "tensorboard=false",
    "progress=false",
    "task.backbone=tiny",
    "task.dimensions=8",
    "task.height=16",
    "task.width=48",
    "task.batch=8",
)
DATA = {
    "fingerveinsyn": ("data.make.fingers=8", "data.make.samples=2", "data.make.parts=rois"),
    "vein_sensors": ("data.make.sensors=usm_like+vera_like", "data.make.fingers=4", "data.make.samples=2"),
}


def ran(folder: Path, *words: str) -> dict[str, Any]:
    """Run a simulation and return its summary."""
    values = dict(composed([*TINY, *words]))
    return simulate(values, folder, list(words))


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[str, str]]:
    """Return a layout's name to the words that choose a small tree of it, drawn once."""

    @cache
    def words(name: str) -> tuple[str, str]:
        given = (word.removeprefix("data.make.").split("=") for word in DATA[name])
        layout, root = TASK.layouts[name], tmp_path_factory.mktemp(name) / "data"
        options = layout.options(**{key: int(v) if v.isdigit() else v for key, v in given})
        layout.make(root, 0, options, map, None)
        return f"data={name}", f"data.root={root}"

    return words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fingerveinsyn", "vein_sensors"])
def test_workers_and_levels_of_one_owner_change_no_bit(tmp_path: Path, at: At, name: str) -> None:
    found = {
        ran(tmp_path / f"{level}{workers}", *at(name), f"protocol={level}", f"engine.workers={workers}",
            "alone=false")["weights_sha256"]
        for level, workers in (("entity", 1), ("entity", 2), ("camera", 1))
    }  # fmt: skip
    assert len(found) == 1


@pytest.mark.slow
def test_no_head_and_no_centre_leaves_under_any_level(tmp_path: Path, at: At) -> None:
    for level in ("entity", "camera"):
        folder = tmp_path / level
        summary = ran(folder, *at("vein_sensors"), f"protocol={level}", "engine.workers=1", "holdout=0.5")
        _, state = load_state(max((folder / "checkpoints").glob("*.ckpt")), "the checkpoint")
        names = [name for tree in state.values() for name, _ in tree.items()]  # type: ignore[union-attr]
        assert names and not [name for name in names if "head" in name]
        assert summary["contract"]["leaves"][0] == "model state without the head"
        assert not any("identity centres" in line for line in summary["contract"]["leaves"])
        left = {channel for site in summary["left"].values() for channel in site}
        assert left <= {"model", "buffers", "own measurements", "scalars"}
        assert set(summary["metrics"]["own"]["federated"]["sites"]) == {"usm_like", "vera_like"}


def test_the_summary_and_the_report_speak_of_the_task_s_measures(
    tmp_path: Path, at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = ran(tmp_path, *at("vein_sensors"), "protocol=entity", "engine.workers=1")
    said = capsys.readouterr().out.splitlines()
    assert said[0].split() == ["per", "cent", "EER", "rank-1"]  # too few impostors for any TAR
    assert set(summary["metrics"]["alone"]) == {"usm_like", "vera_like"}
    assert summary["measures"]["EER"]["lower"] and "d'" not in summary["metrics"]["federated"]
    page = (tmp_path / "report.html").read_text()
    assert "EER: share of errors" in page and "sample standard deviation over sensors" in page
    assert "mAP" not in page
    history = json.loads((tmp_path / "result.json").read_text())["history"]
    assert {"at usm_like", "at vera_like", "mean", "spread"} <= set(history[-1]["metrics"])
    best = min(row["EER"] for row in summary["metrics"]["alone"].values())
    assert f"{100 * best:.1f}" in page.split("best entity alone")[1][:60]


def test_the_first_stage_stands_still_for_two_rounds(tmp_path: Path, at: At) -> None:
    words = (*at("vein_sensors"), "engine.workers=1", "alone=false", "rounds=3", "task.frozen=2")
    ran(tmp_path, *words)
    trees = [
        load_state(tmp_path / "checkpoints" / f"round_{number:06d}.ckpt", "a checkpoint")[1]["t/model"]
        for number in (1, 2, 3)
    ]
    first, second, third = (dict(tree.items()) for tree in trees)  # type: ignore[union-attr]
    stage = [name for name in first if name.startswith(("backbone.stages.0.", "backbone.stages.2."))]
    assert stage and all(np.array_equal(first[name], second[name]) for name in stage)
    assert not any(np.array_equal(second[name], third[name]) for name in stage)
    others = [name for name in first if name.startswith("backbone.stages.3.")]
    assert others and not any(np.array_equal(first[name], second[name]) for name in others)


def test_sites_whose_first_stage_stands_still_are_not_stacked(tmp_path: Path, at: At) -> None:
    words = (*at("vein_sensors"), "engine.workers=1", "alone=false", "engine.together=2", "task.frozen=1")
    with pytest.raises(CompositionError, match="does not train a part of the model in the first rounds"):
        ran(tmp_path, *words)


def test_the_published_recipe_for_few_fingers_runs(tmp_path: Path, at: At) -> None:
    words = ("task.triplet=4", "task.per_finger=2", "task.flips=true", "task.margin_angle=0")
    more = ("task.margin_cosine=0.2", "task.schedule=step", "task.scale=20", "task.warmup=0")
    ones = {
        ran(
            tmp_path / f"{workers}",
            *at("vein_sensors"),
            *words,
            *more,
            f"engine.workers={workers}",
            "alone=false",
        )["weights_sha256"]
        for workers in (1, 2)
    }
    assert len(ones) == 1


@pytest.mark.slow
def test_the_controls_are_judged_by_errors(
    tmp_path: Path, at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*at("vein_sensors"), "engine.workers=1", "alone=false", "controls=full")
    found = ran(tmp_path, *words)["controls"]
    rows = {row["name"]: row for row in found["rows"]}
    assert {*rows} >= {"federated", "pooled", "shuffled labels", "untrained", "raw pixels", "random features"}
    assert rows["untrained"]["steps"] == 0 and rows["pooled"]["spread_over"] == "sensors"
    single = min(row["EER"]["mean"] for name, row in rows.items() if name.endswith("alone, equal steps"))
    beats = found["verdicts"][0]
    assert beats["holds"] == (rows["federated"]["EER"]["mean"] < single)
    assert all(verdict["claim"].endswith(", in EER") for verdict in found["verdicts"])
    assert "mAP" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_cut_short_ends_with_the_same_bits(tmp_path: Path, at: At) -> None:
    words = (*at("vein_sensors"), "protocol=entity", "engine.workers=1", "alone=false", "rounds=3")
    whole = ran(tmp_path / "whole", *words)["weights_sha256"]
    cut = tmp_path / "cut"
    ran(cut, *words)
    for path in (*(cut / "checkpoints").glob("round_000003*"), cut / "result.json", cut / "summary.json"):
        path.unlink()
    assert resume(cut)["weights_sha256"] == whole


def test_a_run_begins_with_the_weights_of_another(tmp_path: Path, at: At) -> None:
    words = (*at("vein_sensors"), "engine.workers=1", "alone=false")
    ran(tmp_path / "first", *words, "protocol=sharing")
    checkpoint = max((tmp_path / "first" / "checkpoints").glob("*.ckpt"))
    second = ran(tmp_path / "second", *words, "protocol=entity", f"weights={checkpoint}")
    last = json.loads((tmp_path / "first" / "result.json").read_text())["history"][-1]["metrics"]["mean"]
    assert second["metrics"]["untrained"]["EER"] == pytest.approx(last["EER"], abs=1e-9)
