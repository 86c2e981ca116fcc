"""What a run hid reads in one sentence, with its unit."""

from pathlib import Path
from typing import Any

import pytest

from isofed.simulations.command import composed
from isofed.simulations.local_dp import described, said
from isofed.simulations.plan import make_plan
from isofed.simulations.report.headline import sentence

REID = ["task.norm=group", "task.objective=identity", "strategy=fedavg"]
VEIN = ["task=vein", "task.norm=group"]
CLIPS = ["task=micro_gesture", "task.norm=group"]


def _described(words: list[str], folder: Path) -> Any:
    return described(make_plan(composed(words), folder).setting())


@pytest.mark.parametrize(
    ("words", "unit"),
    [
        ([*REID, "dp=example"], "image"),
        ([*REID, "dp=subject"], "identity"),
        ([*VEIN, "dp=example"], "image"),
        ([*VEIN, "dp=subject"], "identity"),
        ([*CLIPS, "dp=example"], "clip"),
    ],
)
def test_units_have_their_name(words: list[str], unit: str, tmp_path: Path) -> None:
    found = _described([*words, "dp.noise=1"], tmp_path)
    assert found["unit"] == unit and found["released"] == ["steps"]
    assert said({"dp": found}) == f"each {unit} of a site is hidden by DP-SGD there, noise 1 times the bound"


def test_a_target_and_what_leaves_beside_it(tmp_path: Path) -> None:
    dp = _described([*REID, "dp=example", "dp.epsilon=8", "dp.release='loss, examples'"], tmp_path)
    summary = {"dp": dp, "simulated_secrets": True, "protocol": "camera"}
    assert said(summary) == (
        "each image of a site is hidden by DP-SGD there, ε = 8 at δ = 1e-05; beside it leaves unhidden its "
        "training loss and how many examples it holds; simulated secrets, so that who knows the seed can "
        "take the noise off again"
    )
    assert "under the privacy level “camera”. Each image of a site is hidden" in sentence(summary)


def test_of_a_run_without_nothing_is_said(tmp_path: Path) -> None:
    assert _described(REID, tmp_path) is None
    assert said({"dp": None}) is None and said({}) is None
