"""What a site measures of its own fingers: sums that add up, fractions, nothing where nothing compares."""

import numpy as np
import pytest
import torch

from isofed.tasks.task import Samples, merge
from isofed.tasks.vein import build
from isofed.tasks.vein.benchmarks import exact
from isofed.tasks.vein.options import VeinOptions
from isofed.tasks.vein.own import COARSE, OWN, SUMS

OPTIONS = VeinOptions(classes=4, height=16, width=48, backbone="tiny", dimensions=8)


def held(count: int, noise: float, seed: int, classes: int = 4) -> Samples:
    """Return pictures of fingers that are a pattern of their own, and noise."""
    rng, labels = np.random.default_rng(seed), np.arange(count) % classes
    own = np.kron(np.random.default_rng(9).normal(size=(classes, 4, 12)), np.ones((4, 4)))
    pixels = 128 + 50 * ((1 - noise) * own[labels] + noise * rng.normal(size=(count, 16, 48)))
    return Samples(pixels.clip(0, 255).astype(np.uint8), labels)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return build(OPTIONS, torch.Generator().manual_seed(0)).eval()


def test_sums_have_the_names_agreed_and_add_up(model: torch.nn.Module) -> None:
    trained, probes = held(20, 0.3, 0), held(12, 0.3, 1)
    whole = OWN.measure(model, trained, probes, OPTIONS, "cpu")
    parts = [
        OWN.measure(model, trained, probes.take(rows), OPTIONS, "cpu") for rows in np.split(np.arange(12), 3)
    ]
    assert tuple(whole) == OWN.sums(OPTIONS) == SUMS
    assert merge(merge(parts[0], parts[1]), parts[2]) == whole
    assert sum(value for name, value in whole.items() if "." in name) == 20 * 12 and whole["probes"] == 12


def test_the_error_is_that_of_all_scores_to_within_a_bin(model: torch.nn.Module) -> None:
    trained, probes = held(40, 0.7, 0), held(24, 0.7, 1)
    found = OWN.result(OWN.measure(model, trained, probes, OPTIONS, "cpu"))["mean"]
    with torch.no_grad():
        a, b = (
            torch.nn.functional.normalize(model(torch.tensor(s.inputs)[:, None] / 127.5 - 1).features).numpy()
            for s in (trained, probes)
        )
    scores, same = b @ a.T, probes.labels[:, None] == trained.labels
    widened = [2 / COARSE * np.floor(part * COARSE / 2) for part in (scores[same], scores[~same])]
    assert found["own_1-EER"] == pytest.approx(1 - exact.eer(*widened), abs=0.03)
    best = np.argmax(scores, 1)
    assert found["own_rank-1"] == pytest.approx((trained.labels[best] == probes.labels).mean(), abs=1e-9)
    assert 0 < found["own_1-EER"] < 1


def test_of_nothing_there_are_no_measures(model: torch.nn.Module) -> None:
    trained = held(8, 0.3, 0)
    nobody = OWN.measure(model, trained, trained.take(np.zeros(0, np.int64)), OPTIONS, "cpu")
    assert set(nobody.values()) == {0.0} and OWN.result(nobody) == {"mean": {}, "spread": {}}
    one = held(6, 0.3, 0, classes=1)
    assert OWN.result(OWN.measure(model, one, one, OPTIONS, "cpu")) == {"mean": {}, "spread": {}}
