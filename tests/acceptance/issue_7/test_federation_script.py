"""federation.py run as a person would run it, and its comparison shown a difference."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import federation
import numpy as np
import pytest

from isofed.files import save_state
from isofed.trees import from_arrays

HERE = Path(__file__).parent


@pytest.mark.slow
def test_six_cameras_and_an_evaluator_equal_the_local_engine() -> None:
    command = [sys.executable, str(HERE / "federation.py"), "--rounds", "1"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    assert "equal bit for bit" in done.stdout


def made(folder: Path, weight: float, measure: float = 0.5, simulated: bool = False) -> Path:
    """Write what is compared of a run."""
    tree = from_arrays({"w": np.array([weight], np.float32)})
    save_state(folder / "checkpoints" / "round_000001.ckpt", {}, {"t/model": tree, "t/buffers": tree})
    summary = {"metrics": {"R1": measure}, "simulated_secrets": simulated, "seconds": {"rounds": [1.0]}}
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


def test_a_difference_is_named(tmp_path: Path, capsys: Any) -> None:
    one = made(tmp_path / "one", 1.0)
    assert federation.compare(one, made(tmp_path / "two", 1.0)) == []
    assert federation.compare(one, made(tmp_path / "three", 1.0 + 1e-7)) == ["the global models differ"]
    assert "measures differ" in federation.compare(one, made(tmp_path / "four", 1.0, 0.6))[0]
    assert "secrets" in federation.compare(made(tmp_path / "five", 1.0, simulated=True), one)[0]
