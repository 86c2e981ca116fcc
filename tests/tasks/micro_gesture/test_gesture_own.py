"""What a site measures of its own clips: with labels, without, of one emotion, of nothing."""

from typing import Any

import numpy as np
import pytest
import torch

from isofed.tasks.micro_gesture import build
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.micro_gesture.own import OWN, SUMS
from isofed.tasks.task import Samples, merge

OPTIONS = MicroGestureOptions(body="imigue", width=12)
CLIPS = np.random.default_rng(0).standard_normal((6, 3, 52, 22)).astype(np.float32)


@pytest.fixture(scope="module")
def model() -> Any:
    return build(OPTIONS, torch.Generator().manual_seed(0)).eval()


def measured(model: Any, labels: list[int]) -> Any:
    held = Samples(CLIPS[: len(labels)], np.array(labels, np.int64))
    return OWN.measure(model, held, held, OPTIONS, "cpu")


def test_sums_have_the_names_agreed_and_add_up(model: Any) -> None:
    held = Samples(CLIPS, np.array([0, 1, -1, 1, 0, -1]))
    whole = OWN.measure(model, held, held, OPTIONS, "cpu")
    parts = [OWN.measure(model, held, held.take(r), OPTIONS, "cpu") for r in np.split(np.arange(6), 2)]
    assert tuple(whole) == OWN.sums(OPTIONS) == SUMS
    assert merge(*parts) == pytest.approx(whole)
    assert sum(whole[name] for name in SUMS[:4]) == 4  # clips whose emotion is known


def test_without_labels_the_reconstruction_alone(model: Any) -> None:
    assert set(OWN.result(measured(model, [-1, -1]))["mean"]) == {"own_rebuilt"}


@pytest.mark.parametrize("label", [0, 1])
def test_of_one_emotion_there_are_measures(model: Any, label: int) -> None:
    found = OWN.result(measured(model, [label] * 3))["mean"]
    assert found["own_clip_accuracy"] == found["own_UAR"] and 0 <= found["own_UAR"] <= 1


def test_of_nothing_there_are_none(model: Any) -> None:
    nothing = measured(model, [])
    assert set(nothing.values()) == {0.0} and OWN.result(nothing) == {"mean": {}, "spread": {}}


def test_who_rebuilds_all_explains_all() -> None:
    assert OWN.result({**dict.fromkeys(SUMS, 0.0), SUMS[-1]: 4.0})["mean"] == {"own_rebuilt": 1.0}
    worse = {**dict.fromkeys(SUMS, 0.0), SUMS[-2]: 9.0, SUMS[-1]: 4.0}
    assert OWN.result(worse)["mean"] == {"own_rebuilt": 0.0}
