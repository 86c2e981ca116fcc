"""A sweep from the command line ends with the comparison of its own runs."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from isofed.__main__ import main

SMALL = [
    *(
        "rounds=2",
        "evaluate_every=1",
        "alone=false",
        "tensorboard=false",
        "progress=false",
        "engine.workers=1",
    ),
    *("data.make.identities=16", "data.make.test_identities=4", "data.make.images=4"),
    *("data.make.height=32", "data.make.width=16", "task.height=32", "task.width=16"),
    *("task.batch_identities=4", "task.batch_images=2"),
    *("task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8"),
]


@pytest.mark.slow
def test_a_sweep_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["isofed"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    monkeypatch.chdir(tmp_path)
    swept = ["--multirun", "seed=0,1", "strategy=fedavg,dppt", "hydra.sweep.dir=sweep"]
    assert main(["simulate", *swept, *SMALL]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == f"comparison: {tmp_path / 'sweep' / 'compare.html'}"
    told = json.loads((tmp_path / "sweep" / "compare.json").read_text())
    assert [s["name"] for s in told["settings"]] == ["strategy=fedavg", "strategy=dppt"]
    for setting in told["settings"]:
        assert [seeds["seed"] for seeds in setting["seeds"]] == [0, 1]
        runs = [json.loads((tmp_path / "sweep" / r / "summary.json").read_text()) for r in setting["runs"]]
        assert [run["strategy"] for run in runs] == [setting["name"].removeprefix("strategy=")] * 2
        levels = [run["metrics"]["federated"]["mAP"] for run in runs]
        found = setting["metrics"]["mAP"]
        assert np.isclose(found["mean"], np.mean(levels)) and np.isclose(
            found["spread"], np.std(levels, ddof=1)
        )
        assert [at for at, *_ in setting["curves"]["mAP"]] == [0, 1, 2]
        assert np.isclose(setting["curves"]["mAP"][2][1], found["mean"])
    assert (tmp_path / "sweep" / "compare.html").read_text().startswith("<!DOCTYPE html>")


@pytest.mark.slow
def test_a_single_run_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["isofed"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    assert main(["simulate", *SMALL, "rounds=1", f"hydra.run.dir={tmp_path / 'run'}"]) == 0
    assert "comparison" not in capsys.readouterr().out and not list(tmp_path.rglob("compare.*"))
