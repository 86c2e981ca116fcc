"""What a site measures of its own clips, and that it does not tell how often it shows which unit."""

from typing import Any

import numpy as np
import pytest
import torch

from isofed.client.holdout import split
from isofed.tasks.action_units import TASK
from isofed.tasks.action_units.layouts.motions import Motions
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.action_units.own import OWN
from isofed.tasks.task import Samples, merge

OPTIONS = ActionUnitOptions(width=4, size=32)


@pytest.fixture(scope="module")
def model() -> Any:
    return TASK.model(OPTIONS, torch.Generator().manual_seed(0)).eval()


def held(count: int, people: int = 3) -> Samples:
    rng = np.random.default_rng(0)
    pair = rng.random((count, 3, 32, 32)), rng.random((count, 64, 8, 8))
    return Samples(Motions(*pair, np.arange(count) % people), rng.integers(0, 4096, count))


def test_sums_have_the_names_agreed_and_add_up(model: Any) -> None:
    clips = held(6)
    whole = OWN.measure(model, clips, clips, OPTIONS, "cpu")
    parts = [OWN.measure(model, clips, clips.take(r), OPTIONS, "cpu") for r in np.split(np.arange(6), 2)]
    assert tuple(whole) == OWN.sums(OPTIONS) == ("tp", "fp", "fn", "tn")
    assert merge(*parts) == whole and sum(whole.values()) == 6 * 12


def test_shares_of_all_units_together() -> None:
    found = OWN.result({"tp": 3.0, "fp": 1.0, "fn": 2.0, "tn": 6.0})["mean"]
    assert found == {"own_macro": pytest.approx((6 / 9 + 12 / 15) / 2), "own_binary": pytest.approx(6 / 9)}


def test_of_nothing_there_are_none(model: Any) -> None:
    nothing = OWN.measure(model, held(2), held(0), OPTIONS, "cpu")
    assert set(nothing.values()) == {0.0} and OWN.result(nothing) == {"mean": {}, "spread": {}}


def test_people_are_held_out_whole_whatever_sets_of_units_they_show() -> None:
    """Sets of units are no classes: each may be there once, and then nobody would be held out."""
    clips = held(12, 4)
    for several, wanted in ((True, 1), (False, 0)):
        kept, out = split(clips, 0.25, np.random.default_rng(0), several)
        assert len({*out.inputs.scenes.tolist()}) == wanted and len(kept) + len(out) == 12
        assert not {*kept.inputs.scenes.tolist()} & {*out.inputs.scenes.tolist()}
