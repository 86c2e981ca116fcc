"""The evaluator's sums: chance for noise, none wrong for a model that sees the finger, and added by name."""

import numpy as np
import pytest
import torch

from isofed.tasks.task import merge
from isofed.tasks.vein import evaluate, model
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.benchmarks.rules import Takes
from isofed.tasks.vein.layouts.halves import TestSet, held_out
from isofed.tasks.vein.layouts.read import Fingers


def noisy(noise: float, seed: int = 0, subjects: int = 8, images: int = 4) -> TestSet:
    """Return fingers that are noise of their own, and noise of each picture on top."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(2 * subjects) + 1, images)
    once = np.ones_like(subject)
    takes = Takes(subject, once, once, np.tile(np.arange(images) + 1, 2 * subjects))
    own = np.kron(rng.normal(size=(2 * subjects, 5, 15)), np.ones((20, 20)))[subject - 1]
    pixels = 128 + 40 * ((1 - noise) * own + noise * rng.normal(size=own.shape))
    whole = Fingers(pixels.clip(0, 255).astype(np.uint8), takes)
    return held_out(whole, rules.open_set(takes))


def test_pixels_tell_fingers_that_differ_and_nothing_where_all_is_noise() -> None:
    found = evaluate.result(evaluate.measure_pixels(noisy(0.1)))["mean"]
    assert found["EER"] == 0.0 and found["rank-1"] == 1.0
    assert evaluate.result(evaluate.measure_pixels(noisy(1.0, images=8)))["mean"]["EER"] > 0.35


def test_a_model_is_measured_by_cosines_of_its_features() -> None:
    test = noisy(0.1)
    net = model.build("tiny", 3, torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        features = net(model.prepared(torch.tensor(test.fingers.pixels))).features.numpy()
    expected = rules.score(features, test.fingers.takes, test.split).result()
    assert evaluate.result(evaluate.measure(net, test))["mean"] == pytest.approx(expected, abs=1e-3)


def test_statistics_of_two_sites_add_up() -> None:
    parts = [evaluate.measure_pixels(noisy(0.6, seed)) for seed in (1, 2)]
    merged = evaluate.result(merge(*parts))["mean"]
    alone = [evaluate.result(part)["mean"]["EER"] for part in parts]
    assert min(alone) - 0.1 <= merged["EER"] <= max(alone) + 0.1
    assert sum(part["rank1.probes"] for part in parts) == 2 * 8 * 3
