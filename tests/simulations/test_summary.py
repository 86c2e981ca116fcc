"""Summaries of runs in which the server holds no whole model, and of ordinary ones beside them."""

from pathlib import Path
from typing import Any

import pytest

from isofed.simulations.controls.compare import outcome, pair, row, verdicts
from isofed.simulations.report import write_report
from isofed.simulations.report.measures import best_alone, model_rows
from isofed.simulations.summary import KEYS, _ends, _kind, percents, table
from isofed.tasks.task import Measure

MEASURED = {"mean": dict.fromkeys(KEYS, 0.25), "spread": dict.fromkeys(KEYS, 0.015)}


def results(metrics: Any) -> dict[str, Any]:
    """A federation of one round and one camera alone, all with these metrics."""
    rounds = [{"round": 0, "metrics": metrics}, {"round": 1, "metrics": metrics, "steps": {"cam1": 3}}]
    return {name: {"history": rounds} for name in ("federated", "alone/cam1")}


def kinds(metrics: Any) -> dict[str, Any]:
    """The part of a summary that is measured."""
    shown = ends(results(metrics))
    return {"metrics": _kind(shown, "mean"), "spread": _kind(shown, "spread")}


def ends(found: dict[str, Any]) -> dict[str, Any]:
    """The first and the last round of each."""
    return {name: _ends(result["history"], False) for name, result in found.items()}


def test_every_model_has_its_numbers() -> None:
    mean = MEASURED["mean"]
    assert kinds(MEASURED)["metrics"] == {"untrained": mean, "alone": {"cam1": mean}, "federated": mean}
    lines = table(kinds(MEASURED)).splitlines()
    assert [line.split("  ")[0] for line in lines[2:]] == ["untrained", "cam1 alone", "federated"]
    assert all(line.count("25.0 ± 1.5") == len(KEYS) for line in lines[2:])


def test_without_a_whole_model_nothing_was_measured() -> None:
    found = kinds(None)
    assert found["metrics"] == found["spread"] == {"untrained": {}, "alone": {"cam1": {}}, "federated": {}}
    assert [line.endswith("  not measured") for line in table(found).splitlines()[2:]] == [True] * 3


def test_one_kind_may_be_missing() -> None:
    with_history = results(MEASURED)
    with_history["alone/cam1"] = results(None)["alone/cam1"]
    assert _kind(ends(with_history), "mean")["alone"] == {"cam1": {}}
    assert _kind(ends(with_history), "mean")["federated"] == MEASURED["mean"]


@pytest.mark.parametrize("metrics", [None, MEASURED])
def test_the_report_takes_both(tmp_path: Path, metrics: Any) -> None:
    page = write_report(tmp_path, {**kinds(metrics), "rounds": 1}, {"rounds": []}, None).read_text()
    assert ("25.0" in page) == (metrics is not None)


def test_controls_without_a_whole_model_compare_steps_alone() -> None:
    found = {0: outcome(results(None)["federated"])}
    rows, pairs = [row("federated", "the run", found)], [pair("the bank", "without bank", found, found)]
    assert rows[0]["steps"] == 3 and "mAP" not in rows[0]
    assert verdicts(rows, pairs) == []


def test_a_task_s_own_measures_stand_in_its_order_and_those_that_are_no_fractions_nowhere() -> None:
    measures = (Measure("EER", "", lower=True), Measure("rank-1", ""), Measure("d'", "", fraction=False))
    row = {"rank-1": 0.75, "EER": 0.25, "d'": 3.0, "EER error": 0.01}
    found = results({"mean": row, "spread": dict.fromkeys(row, 0.0), "at site": row})
    shown = {
        name: tuple(percents(entry, measures) for entry in result["history"])
        for name, result in found.items()
    }
    assert all("d'" not in kept for first, _ in shown.values() for kept in first["metrics"].values())
    summary: dict[str, Any] = {"metrics": _kind(shown, "mean"), "spread": _kind(shown, "spread")}
    summary["measures"] = {measure.name: {} for measure in measures}
    head, _, *lines = table(summary).splitlines()
    assert head.split() == ["per", "cent", "EER", "rank-1"]
    assert all("25.0" in line and "75.0" in line for line in lines)


def test_the_best_of_errors_is_the_least() -> None:
    alone = {"a": {"EER": 0.3}, "b": {"EER": 0.1}}
    summary = {"metrics": {"alone": alone}, "measures": {"EER": {"lower": True}}}
    best = best_alone(model_rows(summary), "EER")
    assert best is not None and best.name == "b"
