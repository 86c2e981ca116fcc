"""The action unit experiment: its arithmetic on made counts, and all of it in a tiny form."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.errors import CheckpointError, ConfigError
from isofed.simulations.experiments.action_units import plans, told
from isofed.simulations.experiments.action_units.counts import MODEL
from isofed.simulations.experiments.action_units.found import BASELINES, MEASURES, numbers
from isofed.simulations.experiments.action_units.options import ActionUnitExperiment
from isofed.simulations.experiments.action_units.plans import Arm
from isofed.simulations.experiments.action_units.run import run
from isofed.simulations.federation import Federation
from isofed.tasks.action_units import counts
from isofed.tasks.action_units.evaluate import BRANCHES
from isofed.tasks.action_units.model import UNITS

TINY = ActionUnitExperiment(
    subjects=1,
    clips=2,
    frames=3,
    size=32,
    width=4,
    rounds=1,
    batch=2,
    magnifier_steps=1,
    folds="samm",
    seeds=1,
    workers=1,
)
FOLDS = ("casme", "samm")
# hits of ten positives, and of ten negatives found rightly, by row
HITS = {
    plans.LOCAL: (4, 8),
    plans.FEDERATED: (6, 8),
    plans.POOLED: (8, 9),
    plans.UNINFUSED: (7, 8),
    plans.UNMAGNIFIED: (5, 8),
    BASELINES[0]: (0, 10),
    BASELINES[1]: (10, 0),
}


def of(row: str, fold: str, seed: int) -> dict[str, float]:
    """Return the counts of all units of one fold; a seed more finds one more."""
    found, rejected = HITS[row]
    found = min(found + (seed if row not in BASELINES else 0), 10)
    table = [(found, 10 - rejected, 10 - found, rejected)] * len(UNITS)
    return {k: v for b in BRANCHES for k, v in counts.named(np.array(table), fold, b).items()}


def made() -> dict[str, Any]:
    """Return the numbers of two seeds and two folds; of two databases alone, equally good."""
    arms, found = [], []
    for row in plans.ROWS:
        for seed in range(2):
            for fold in FOLDS:
                for site in ("a", "b") if row == plans.LOCAL else ("",):
                    federation = Federation(f"{row} {seed} {fold} {site}", {}, ("a",), *[Path()] * 3)
                    arms.append(Arm(row, seed, fold, federation, site))
                    found.append({MODEL: of(row, fold, seed)} | {n: of(n, fold, seed) for n in BASELINES})
    return {**numbers(arms, found), "options": vars(TINY), "seconds": 1.0, "workers": 1}


def test_measures_are_of_counts_merged_over_folds() -> None:
    rows = {row["name"]: row for row in made()["rows"]}
    assert list(rows) == [*BASELINES, *plans.ROWS]
    # seed 0: 6 of 10 found, 2 falsely: F1 12/18, of the negatives 16/22; seed 1: 7 found
    positive = [12 / 18, 14 / 19]
    assert rows[plans.FEDERATED]["binary F1"]["each"] == pytest.approx(positive)
    both = [(12 / 18 + 16 / 22) / 2, (14 / 19 + 16 / 21) / 2]
    assert rows[plans.FEDERATED]["macro F1"]["each"] == pytest.approx(both)
    assert rows[plans.LOCAL]["binary F1"]["each"] == pytest.approx([8 / 16, 10 / 17])
    assert rows[BASELINES[0]]["binary F1"]["mean"] == 0


def test_every_fold_and_every_unit_stands_by_itself() -> None:
    found = made()
    assert list(found["folds"]) == list(FOLDS) and list(found["units"]) == [f"AU{unit}" for unit in UNITS]
    each = found["folds"]["samm"][plans.POOLED]["binary F1"]["each"]
    assert each == pytest.approx([16 / 19, 18 / 20])
    assert found["units"]["AU17"][plans.POOLED]["binary F1"]["each"] == pytest.approx(each)


def test_what_does_not_hold_is_printed_as_such() -> None:
    found = made()
    assert [v["holds"] for v in found["verdicts"]] == [True, False, True, True]
    said = told.text(found)
    assert "FAILS: infusion is better than none" in said and "federated is better than each database" in said
    for form in (told.page(found), told.written(found)):
        assert "FAILS: infusion" in form and plans.UNMAGNIFIED in form and "CASME" in form and "AU17" in form
    assert "isofed experiment action_units" in told.written(found) and "folds=samm" in told.written(found)
    assert len(MEASURES) == len(found["rows"][0]) - 1


def test_which_databases_are_left_out() -> None:
    assert len(ActionUnitExperiment().left_out) == 6
    assert ActionUnitExperiment(folds="samm+casme").left_out == FOLDS
    with pytest.raises(ConfigError, match="unknown database 'sam'; did you mean 'samm'"):
        ActionUnitExperiment(folds="sam")


@pytest.mark.slow
def test_all_of_it_tiny_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(TINY, tmp_path)
    assert list(found["folds"]) == ["samm"] and len(found["verdicts"]) == 4
    assert "page: " in capsys.readouterr().out and (tmp_path / "experiment.html").exists()
    trained = (tmp_path / "magnifier.pt").stat().st_mtime_ns
    again = run(TINY, tmp_path)
    assert again["rows"] == found["rows"] and (tmp_path / "magnifier.pt").stat().st_mtime_ns == trained
    with pytest.raises(CheckpointError, match="other options"):
        run(ActionUnitExperiment(folds="samm"), tmp_path)
