"""The task as the command runs it: an unseen database, the same bits after a crash, labels shuffled."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.simulations.command import composed
from isofed.simulations.simulate import resume, simulate
from isofed.tasks.action_units import TASK
from isofed.tasks.action_units.drawing.plan import Small
from isofed.tasks.action_units.options import ActionUnitOptions

pytest.importorskip("cv2", reason="flow needs isofed[flow]")
FOLD = TASK.layouts["cd6me_to_mmew"]
SITES = ("casme", "casme2", "samm", "fourd", "casme3a")
COMMON = ("task=action_units", "alone=false", "tensorboard=false", "progress=false", "engine.workers=1")
TINY = (
    *COMMON,
    "data=cd6me_to_mmew",
    "rounds=2",
    "evaluate_every=1",
    "task.size=32",
    "task.width=4",
    "task.batch=4",
    "task.workers=1",
)


def ran(folder: Path, *words: str) -> dict[str, Any]:
    """Run a simulation and return its summary."""
    return simulate(dict(composed(list(words))), folder, list(words))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The words that choose a tiny tree, drawn once."""
    tree = tmp_path_factory.mktemp("cd6me") / "data"
    FOLD.make(tree, 0, Small(subjects=3, clips=2, size=48, frames=4), map, None)
    return f"data.root={tree}"


@pytest.mark.slow
def test_five_databases_train_and_the_sixth_is_tested(tmp_path: Path, root: str) -> None:
    summary = ran(tmp_path, *TINY, root, "holdout=0.3", "protocol=entity", "tensorboard=true")
    assert tuple(summary["sites"]) == SITES
    found = summary["metrics"]["federated"]
    assert found["macro F1"] == found["macro by fold"] and 0 <= found["binary F1"] <= 1
    own = summary["metrics"]["own"]["federated"]["sites"]
    assert set(own) == set(SITES) and set(own["casme"]) == {"own_macro", "own_binary"}
    history = json.loads((tmp_path / "result.json").read_text())["history"]
    assert all(np.isfinite(loss) for entry in history[1:] for loss in entry["loss"].values())
    assert "at AU4" in history[-1]["metrics"]
    page = (tmp_path / "report.html").read_text()
    assert "macro F1: mean over units" in page and "Retrieval" not in page
    assert "AU17" in page and "not trained: weights from a seed" in json.dumps(summary)


@pytest.mark.slow
def test_a_run_cut_short_ends_with_the_same_bits(tmp_path: Path, root: str) -> None:
    whole = ran(tmp_path, *TINY, root)["weights_sha256"]
    late = (*(tmp_path / "checkpoints").glob("round_000002*"), tmp_path / "result.json")
    for path in (*late, tmp_path / "summary.json"):
        path.unlink()
    assert resume(tmp_path)["weights_sha256"] == whole


def test_shuffled_labels_are_the_same_labels(tmp_path: Path, root: str) -> None:
    tree = Path(root.removeprefix("data.root="))
    opened = [
        FOLD.open_train(tree, "samm", tmp_path, ActionUnitOptions(size=32, labels=labels, workers=1)).labels
        for labels in ("true", "shuffled", "shuffled")
    ]
    assert sorted(opened[0]) == sorted(opened[1]) and opened[1].tolist() == opened[2].tolist()
    assert opened[0].tolist() != opened[1].tolist()


@pytest.mark.slow
def test_check_13_an_unseen_database_after_five_rounds(tmp_path: Path) -> None:
    """At least 5 points of macro F1 above who never finds anything, on a database that nobody trained on."""
    fold, tree = TASK.layouts["cd6me_to_casme2"], tmp_path / "data"
    fold.make(tree, 0, Small(subjects=6, clips=6, size=64, frames=5), map, None)
    trained = ("rounds=5", "evaluate_every=5", "task.local_epochs=3", "task.width=8", "task.batch=12")
    words = (*COMMON, "data=cd6me_to_casme2", f"data.root={tree}", *trained)
    found = ran(tmp_path / "run", *words)["metrics"]["federated"]
    options = ActionUnitOptions(workers=1)
    test = fold.open_test(tree, tmp_path / "test", options)
    never = TASK.result(TASK.baselines["never there"](test, options))["mean"]
    assert found["macro F1"] > never["macro F1"] + 0.05, (found, never)
