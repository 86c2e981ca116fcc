"""federation.py's comparison, shown a difference; what it sets up is tried in test_deployed_scripts.py."""

import json
from pathlib import Path
from typing import Any

import federation
import numpy as np

from isofed.files import save_state
from isofed.trees import from_arrays


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
