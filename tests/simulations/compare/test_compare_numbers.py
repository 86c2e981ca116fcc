"""The table against NumPy, and what is counted, left out and refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import ConfigError
from isofed.simulations.compare import compare
from isofed.simulations.compare.runs import Run
from isofed.simulations.compare.table import Comparison, Number, curve, paired, tabulate

Made = Callable[..., Path]
FRACTIONS = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def run(level: float | None, seed: int, strategy: str = "dppt", **summary: Any) -> Run:
    metrics = {} if level is None else {"R1": level}
    told = {"metrics": {"federated": metrics, "untrained": {"R1": 0.1}}, "data_seed": 0, **summary}
    return Run(Path(f"/runs/{strategy}{seed}"), {"strategy.name": strategy, "seed": seed}, told, ())


def compared(make: Made, *folders: Path) -> tuple[Comparison, dict[str, Any]]:
    out = folders[0].parent / "out"
    return compare(folders, out), json.loads((out / "compare.json").read_text())


@given(FRACTIONS)
def test_means_and_sample_deviations(levels: list[float]) -> None:
    (row,) = tabulate([run(level, seed) for seed, level in enumerate(levels)]).rows
    found = row.metrics["R1"]
    assert np.isclose(found.mean, np.mean(levels)) and found.each == tuple(levels)
    if len(levels) == 1:
        assert found.spread is None
    else:
        assert found.spread is not None and np.isclose(found.spread, np.std(levels, ddof=1), atol=1e-12)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6), st.data())
def test_differences_are_taken_seed_by_seed(levels: list[tuple[float, float]], data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(levels))))
    runs = [run(levels[s][0], s) for s in range(len(levels))] + [run(levels[s][1], s, "moon") for s in order]
    # one more seed that the other setting has not
    base, other = tabulate([*runs, run(0.5, 99, "moon")]).rows
    found, each = paired(other, base, "R1"), [b - a for a, b in levels]
    assert found is not None and len(found.each) == len(levels) and np.isclose(found.mean, np.mean(each))
    assert found.spread is not None and np.isclose(found.spread, np.std(each, ddof=1), atol=1e-12)


def test_curves_are_means_over_seeds(make: Made) -> None:
    found, told = compared(make, make("a", 0.4), make("b", 0.6, seed=1))
    (row,) = found.rows
    assert [(at, n.mean, n.each) for at, n in curve(row.runs, "metrics", "mean", "R1")] == [
        (0, 0.0, (0.0, 0.0)),
        (1, pytest.approx(0.25), (0.2, 0.3)),
        (2, pytest.approx(0.5), (0.4, 0.6)),
    ]
    expected = [[0, 0.0, 0.0], [1, 0.25, np.std([0.2, 0.3], ddof=1)], [2, 0.5, np.std([0.4, 0.6], ddof=1)]]
    assert np.allclose(told["settings"][0]["curves"]["R1"], expected)
    assert [n.mean for _, n in curve(row.runs, "loss")] == [3.5, 2.5]


def test_a_round_that_a_run_has_not_measured_is_not_drawn() -> None:
    full = [{"round": n, "metrics": {"mean": {"R1": 0.1 * n}}} for n in range(4)]
    gaps = [full[0], {"round": 1, "metrics": None}, {"round": 2, "metrics": {"mean": {"R1": float("nan")}}}]
    runs = [Run(Path("a"), {}, {}, full), Run(Path("b"), {}, {}, [*gaps, full[3]])]
    assert [at for at, _ in curve(runs, "metrics", "mean", "R1")] == [0, 3]
    assert curve([], "loss") == []


def test_time_and_bytes_are_sums_over_rounds_and_sites(make: Made) -> None:
    found, told = compared(make, make("a"), make("b", seed=1))
    row = found.rows[0]
    assert row.seconds == Number(3.0, 0.0, (3.0, 3.0))
    assert row.sent == Number(110.0, 0.0, (110.0, 110.0)) and row.received == Number(99.0, 0.0, (99.0, 99.0))
    assert told["settings"][0]["sent_bytes"] == {"mean": 110.0, "spread": 0.0, "each": [110.0, 110.0]}


def test_one_seed_counts_once(make: Made) -> None:
    first, again, other = make("a", 0.4), make("b", 0.4), make("c", 0.6, data={"seed": 1})
    found, told = compared(make, first, again, other)
    assert found.rows[0].metrics["R1"].each == (0.4, 0.6)
    assert told["left_out"] == [{"run": str(again), "why": f"the same setting and seeds as {first}"}]
    assert told["settings"][0]["seeds"] == [
        {"seed": 0, "data_seed": 0, "split": None},
        {"seed": 0, "data_seed": 1, "split": None},
    ]


def test_unfinished_runs_are_named_and_left_out(make: Made, tmp_path: Path) -> None:
    whole, killed, torn, bare = (make(f"sweep/{n}", seed=n) for n in (0, 2, 10, 11))
    (killed / "summary.json").unlink()
    (torn / "config.json").write_text("{")
    (bare / "result.json").unlink()
    (tmp_path / "sweep" / "12" / ".hydra").mkdir(parents=True)
    found, told = compared(make, tmp_path / "sweep")
    assert [r.folder for row in found.rows for r in row.runs] == [whole]
    why = [(Path(left["run"]).name, left["why"]) for left in told["left_out"]]
    assert why[0] == ("2", f"unfinished; continue it with: isofed simulate --resume {killed}")
    assert why[1:] == [
        ("10", "its config.json is damaged"),
        ("11", "its result.json is missing or damaged"),
        ("12", "never began"),
    ]


def test_a_folder_named_twice_counts_once(make: Made, tmp_path: Path) -> None:
    runs = [make(f"sweep/{n}", seed=n) for n in (0, 10, 2)]
    found, _ = compared(make, runs[1], tmp_path / "sweep", runs[1] / ".." / "2")
    assert [r.folder.name for row in found.rows for r in row.runs] == ["10", "0", "2"] and not found.left


def test_a_part_of_the_model_has_no_measures_but_a_row(make: Made) -> None:
    nothing = {"metrics": {"untrained": {}, "alone": {}, "federated": {}}}
    found, told = compared(make, make("a"), make("b", strategy={"name": "fedper"}, summary=nothing))
    assert [row.setting.name for row in found.rows] == ["strategy=dppt", "strategy=fedper"]
    assert told["settings"][1]["metrics"] == {} and told["settings"][1]["sent_bytes"]["mean"] == 110


def test_how_a_model_was_chosen_is_said(make: Made) -> None:
    best = {"evaluation": {"model": "best round on the test set (flag select=test)"}}
    _, told = compared(make, make("a"), make("b", strategy={"name": "fedavg"}, summary=best))
    chosen = [setting["model"] for setting in told["settings"]]
    assert chosen == ["last round", "best round on the test set (flag select=test)"]


def test_nonsense_is_refused_in_one_sentence(make: Made, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    killed = make("killed")
    (killed / "summary.json").unlink()
    for folder, said in (("missing", "is no folder"), ("empty", "holds no run"), ("killed", "no run is fin")):
        with pytest.raises(ConfigError, match=said) as refused:
            compare([tmp_path / folder], tmp_path / "out")
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()
