"""A run whose sites have spent their privacy budget ends for good: measured, told, never continued."""

import json
from pathlib import Path
from typing import Any

import pytest

from isofed.errors import BudgetError
from isofed.protocols.accounts.epsilon import epsilon
from isofed.protocols.accounts.library import Step
from isofed.server.state import newest
from isofed.simulations.command import composed
from isofed.simulations.simulate import resume, simulate

SMALL = [
    *("data.make.identities=16", "data.make.test_identities=4", "data.make.images=4"),
    *("data.make.height=32", "data.make.width=16", "task.height=32", "task.width=16"),
    *("task.batch_identities=4", "task.batch_images=2", "task.stem=4", "task.stage2=4", "task.stage3=8"),
    *("task.dimensions=8", "tensorboard=false", "progress=false", "engine.workers=1"),
    *("engine.threads_per_client=1", "evaluate_every=0", "rounds=5"),
]
PRIVATE = ["strategy=fedavg", "task.norm=group", "task.objective=identity", "dp=subject", "dp.noise=2"]
ROUND = Step(0.5, 2.0, 2)  # four of eight people each step, two steps


def spending(folder: Path, rounds: float) -> dict[str, Any]:
    """Run until so many rounds are paid for, and return the summary that is left."""
    limit = epsilon([ROUND._replace(steps=int(2 * rounds))], 1e-5) + 0.02
    words = [*SMALL, *PRIVATE, f"dp.budget={limit}"]
    with pytest.raises(BudgetError) as ended:
        simulate(composed(words), folder, words)
    assert "the privacy budget of this site is spent" in str(ended.value)
    path = folder / "summary.json"
    return {"said": str(ended.value), **(json.loads(path.read_text()) if path.exists() else {})}


@pytest.mark.slow
def test_what_was_committed_is_measured_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = spending(tmp_path, 2)
    assert found["said"].startswith("it ended after 2 of 5 rounds: round 3 got 0 usable reports")
    assert found["said"].count(". ") == 0 and str(tmp_path / "report.html") in found["said"]
    assert found["rounds"] == 2 and found["ended"]["planned"] == 5
    # nobody had measured round 2, and no site was trained alone for five
    assert found["metrics"]["federated"]["mAP"] > 0 and found["metrics"]["alone"] == {}
    assert newest(tmp_path / "checkpoints") == 2
    accounts = found["privacy_accounts"]["sites"]["epsilon"]["identity"]
    assert accounts == pytest.approx(epsilon([ROUND._replace(steps=4)], 1e-5))
    assert "It ended after 2 of 5 rounds" in (tmp_path / "report.html").read_text()
    assert "it ended after 2 of 5 rounds" in capsys.readouterr().out
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    with pytest.raises(BudgetError, match="it ended after 2 of 5 rounds"):
        resume(tmp_path)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    assert {p.name for p in before if before[p] != after.get(p)} <= {"seconds.json"} and set(after) >= set(
        before
    )


@pytest.mark.slow
def test_where_nothing_was_committed_there_is_nothing_to_tell(tmp_path: Path) -> None:
    found = spending(tmp_path, 0.5)
    assert found["said"].startswith("round 1 got 0 usable reports") and "summary" not in found
    assert not (tmp_path / "report.html").exists()
