"""Controls are judged in the task's own measure, and up is where the task says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.simulations.command import composed
from isofed.simulations.controls import text
from isofed.simulations.controls.compare import Outcome, before, pair, row, verdicts
from isofed.simulations.controls.scale import REID, RETRIEVAL, Scale
from isofed.simulations.plan import make_plan
from isofed.tasks.task import Measure

EER, RANK = Measure("EER", "errors", lower=True), Measure("rank-1", "right")
ERRORS = Scale((EER, RANK), "sensors", "untrained")


def judged(scale: Scale, **level: float) -> dict[str, bool]:
    """Return each claim about runs that came to these numbers."""
    levels = {name.replace("_", " "): value for name, value in level.items()}
    levels |= {"a alone, equal steps": 0.3, "b alone, equal steps": 0.2}
    rows = [{"name": name, scale.main.name: {"mean": value}} for name, value in levels.items()]
    compared = {"shows": "it", f"difference_{scale.main.name}": {"mean": -0.1, "spread": 0, "each": [-0.1]}}
    return {found["claim"]: found["holds"] for found in verdicts(rows, [compared], scale)}


def test_fewer_errors_are_better() -> None:
    good = judged(ERRORS, federated=0.1, raw_pixels=0.21, untrained=0.4, shuffled_labels=0.38)
    assert good == {
        "the federation beats each site alone with as many steps, in EER": True,
        "raw pixels have more than twice the federation's errors, in EER": True,
        "shuffled labels teach nothing (gain over no training below 10% of federated's), in EER": True,
        "it helps with every seed, in EER": True,
    }
    bad = judged(ERRORS, federated=0.2, raw_pixels=0.4, untrained=0.4, shuffled_labels=0.38)
    assert list(bad.values()) == [False, False, False, True]


def test_retrieval_is_judged_as_ever() -> None:
    found = judged(REID, federated=0.4, raw_pixels=0.19, random_features=0.1, shuffled_labels=0.12)
    assert found == {
        "the federation beats each site alone with as many steps, in mAP": True,
        "raw pixels stay below half of the federation, in mAP": True,
        "shuffled labels stay at chance (gain over a random ranking below 10% of federated's), in mAP": True,
        "it helps with every seed, in mAP": False,
    }


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_gain_turns_round_with_the_measure(value: float, over: float) -> None:
    assert ERRORS.gain(value, over) == -REID.gain(value, over) == over - value


def test_a_task_s_scale_is_its_own(tmp_path: Path) -> None:
    vein = Scale.of(make_plan(composed(["task=vein"]), tmp_path))
    assert vein.names == ("EER", "TAR@1e-2", "TAR@1e-3", "TAR@1e-4", "rank-1")  # d' is no fraction
    assert vein.main.lower and (vein.over, vein.nothing) == ("sensors", "untrained")
    assert Scale.of(make_plan(composed([]), tmp_path)) == REID == Scale(RETRIEVAL)


def test_rows_and_text_have_the_scale_s_measures() -> None:
    one = Outcome({"EER": 0.25, "rank-1": 0.75, "d'": 3.0}, {"EER": 0.1, "rank-1": 0.2, "d'": 1.0}, 7)
    found = row("federated", "what", {0: one}, ERRORS)
    assert (found["EER"], found["spread_over"]) == ({"mean": 0.25, "spread": 0.1}, "sensors")
    assert "d'" not in found and "mAP" not in found
    difference = pair("it", "without", {0: one}, {0: Outcome({"EER": 0.5, "rank-1": 0.5}, {}, 7)}, ERRORS)
    assert difference["difference_EER"]["mean"] == -0.25 == -difference["difference_rank-1"]["mean"]
    shown = text({"rows": [found], "pairs": [difference], "verdicts": []})
    assert "25.0 ±10.0" in shown and "-25.0 ± 0.0" in shown and "mAP" not in shown


@pytest.mark.parametrize("metrics", [None, {"mean": {"EER": 0.5}, "spread": {"EER": 0.0}}])
def test_what_was_there_before_is_the_first_entry(metrics: dict[str, dict[str, float]] | None) -> None:
    last = {"metrics": {"mean": {"EER": 0.1}, "spread": {"EER": 0.0}}, "steps": {"a": 3}}
    found = before({"history": [{"metrics": metrics}, last]})
    assert (dict(found.mean), found.steps) == ({"EER": 0.5} if metrics else {}, 0)
