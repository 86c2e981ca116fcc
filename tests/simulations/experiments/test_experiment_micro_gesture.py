"""The micro-gesture experiment: its arithmetic on made results, and all of it in a tiny form."""

from pathlib import Path
from typing import Any

import pytest

from isofed.errors import CheckpointError, ConfigError
from isofed.simulations.experiments.micro_gesture import plans, told
from isofed.simulations.experiments.micro_gesture.found import MEASURES, UNTRAINED, gathered
from isofed.simulations.experiments.micro_gesture.options import MicroGestureExperiment
from isofed.simulations.experiments.micro_gesture.plans import Arm
from isofed.simulations.experiments.micro_gesture.run import run
from isofed.simulations.federation import Federation

TINY = MicroGestureExperiment(
    rooms=2, unlabelled=1, subjects=4, videos=2, clips=1, rounds=1, seeds=2, width=12, workers=1
)
LEVEL = {
    plans.FEW_LOCAL: 0.60,
    plans.FEW_SUPERVISED: 0.61,
    plans.FEW_HYBRID: 0.65,
    plans.FEW_POOLED: 0.70,
    plans.PLAIN: 0.80,
    plans.HYPERGRAPH: 0.78,
}


def made() -> dict[str, Any]:
    """Return the numbers of three seeds, each a hundredth better than the one before; of two rooms alone."""
    arms, results = [], {}
    for row, level in LEVEL.items():
        for seed in range(3):
            for site, more in (("a", 0.02), ("b", -0.02)) if row == plans.FEW_LOCAL else (("", 0.0),):
                arm = Arm(row, seed, Federation(f"{row} {seed} {site}", {}, ("a",), *[Path()] * 3), site)
                mean = dict.fromkeys(MEASURES, level + more + seed / 100)
                first = dict.fromkeys(MEASURES, 0.5)
                history = [{"metrics": {"mean": first}}, {"metrics": {"mean": mean}}]
                arms, results = [*arms, arm], {**results, arm.federation.name: {"history": history}}
    return {**gathered(arms, results), "options": vars(TINY), "seconds": 1.0, "workers": 1}


def test_rows_are_means_over_seeds_and_rooms_alone_are_averaged() -> None:
    rows = {row["name"]: row for row in made()["rows"]}
    assert list(rows) == [UNTRAINED, *plans.ROWS]
    assert rows[plans.FEW_LOCAL]["clip accuracy"]["each"] == pytest.approx([0.60, 0.61, 0.62])
    assert rows[UNTRAINED]["UAR"]["mean"] == 0.5


def test_what_does_not_hold_is_printed_as_such() -> None:
    numbers = made()
    assert [v["holds"] for v in numbers["verdicts"]] == [True, False, True]
    assert all(v["shown"] == v["holds"] for v in numbers["verdicts"])  # each seed differs alike
    said = told.text(numbers)
    assert "HOLDS: hybrid is better" in said and "FAILS: hypergraph attention is better" in said
    assert "+4.0 ± 0.0" in said
    for form in (told.page(numbers), told.written(numbers)):
        assert "FAILS: hypergraph" in form and plans.FEW_POOLED in form
    assert "rooms=2" in told.command(numbers["options"]) and "workers" not in told.command(numbers["options"])


def test_somebody_must_know_an_emotion() -> None:
    with pytest.raises(ConfigError, match="nobody knows an emotion"):
        MicroGestureExperiment(rooms=2, unlabelled=2)


@pytest.mark.slow
def test_all_of_it_tiny_and_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = run(TINY, tmp_path)
    assert [row["name"] for row in numbers["rows"]] == [UNTRAINED, *plans.ROWS]
    assert "page: " in capsys.readouterr().out and (tmp_path / "experiment.html").exists()
    again = run(TINY, tmp_path)
    assert again["rows"] == numbers["rows"]
    with pytest.raises(CheckpointError, match="other options"):
        run(MicroGestureExperiment(seeds=2), tmp_path)
