"""The cost-of-privacy experiment: its arithmetic on made results, its plans, and all of it in a tiny form."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from isofed.errors import ConfigError
from isofed.simulations.experiments.privacy import told
from isofed.simulations.experiments.privacy.cases import CASES
from isofed.simulations.experiments.privacy.found import numbers
from isofed.simulations.experiments.privacy.options import PrivacyExperiment
from isofed.simulations.experiments.privacy.plans import OPEN, UNTRAINED, Arm, plans, row
from isofed.simulations.experiments.privacy.run import run
from isofed.simulations.federation import Federation
from isofed.tasks import TASKS

TINY = PrivacyExperiment(
    tasks="micro_gesture", epsilons="8+", rounds=1, people=4, clips=3, seeds=1, workers=1
)
USUAL = PrivacyExperiment()
# of two seeds, by row from the least private on
MADE = {OPEN: (0.9, 0.8), "ε = 64": (0.7, 0.6), "ε = 8": (0.72, 0.62)}
BEFORE = 0.3


def made(found: dict[str, tuple[float, float]]) -> dict[str, Any]:
    """Return the numbers of two tasks, both of them like this."""
    arms, results = [], {}
    for case in (CASES["vein"], CASES["reid"]):
        for name, values in found.items():
            for seed, value in enumerate(values):
                made = Federation(f"{case.task} {name} {seed}", {}, ("a",), *[Path()] * 3)
                arms.append(Arm(case, name, seed, made))
                history = [{"metrics": {"mean": {case.measure: each}}} for each in (BEFORE, value)]
                results[made.name] = {"history": history}
    return {**numbers(arms, results), "options": asdict(USUAL), "seconds": 1.0, "workers": 1}


def test_rows_are_privacy_and_columns_are_tasks() -> None:
    found = made(MADE)
    assert found["measures"] == [CASES["vein"].column, CASES["reid"].column]
    rows = {each["name"]: each for each in found["rows"]}
    assert list(rows) == [UNTRAINED, *MADE]
    for column in found["measures"]:
        assert rows[OPEN][column]["mean"] == pytest.approx(0.85)
        assert rows[UNTRAINED][column]["mean"] == pytest.approx(BEFORE)
    costs = {each["what"]: each[CASES["vein"].column]["mean"] for each in found["differences"]}
    assert costs == pytest.approx(
        {"what ε = 64 costs": 0.2, "what ε = 8 costs": 0.18, "what ε = 64 still learns": 0.35}
    )


def test_more_privacy_that_gains_beyond_the_interval_fails() -> None:
    claims = [(each["claim"], each["holds"]) for each in made(MADE)["verdicts"]]
    assert [holds for _, holds in claims] == [True, True, False] * 2
    assert claims[2][0] == f"ε = 64 is not worse than ε = 8, beyond the interval, in {CASES['vein'].column}"
    # the same gain in the mean, but not in every seed
    within = made({**MADE, "ε = 8": (0.9, 0.45)})
    assert all(each["holds"] for each in within["verdicts"])


def test_every_task_has_a_chart_and_a_column() -> None:
    found = made(MADE)
    page, text, written = told.page(found), told.text(found), told.written(found)
    for column in found["measures"]:
        assert f"{column}, per cent" in page and column in text and column in written
    assert text.count("FAILS: ") == written.count("FAILS: ") == 2


@pytest.mark.parametrize(
    "wrong", [{"tasks": "reid+vien"}, {"epsilons": "8+none"}, {"epsilons": "0+"}, {"epsilons": "+"}]
)
def test_what_cannot_run_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        PrivacyExperiment(**wrong)  # type: ignore[arg-type]


def test_every_task_is_private_as_it_stands(tmp_path: Path) -> None:
    found = plans(USUAL, tmp_path)  # refuses what does not go together
    assert list(found.tasks) == list(CASES) and list(found.rows) == [OPEN, *map(row, (512, 64, 8))]
    for name, case in CASES.items():
        private = TASKS[name].training.private
        assert case.unit == (private.example if case.hides == "example" else private.subject)
        assert name == "reid" or case.measure in {each.name for each in TASKS[name].measures}
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_tiny_one_from_data_to_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(TINY, tmp_path / "out")
    assert [each["name"] for each in found["rows"]] == [UNTRAINED, OPEN, "ε = 8"]
    assert "what ε = 8 costs" in capsys.readouterr().out
    assert (tmp_path / "out" / "experiment.html").stat().st_size > 5000
    again = run(TINY, tmp_path / "out")
    assert again["rows"] == found["rows"]
