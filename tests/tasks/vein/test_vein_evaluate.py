"""The evaluator's sums: chance for noise, none wrong for a model that sees the finger, and added by name."""

import numpy as np
import pytest
import torch

from isofed.tasks.task import merge
from isofed.tasks.vein import evaluate, model
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.benchmarks.rules import Takes
from isofed.tasks.vein.benchmarks.tally import from_scalars
from isofed.tasks.vein.layouts.halves import TestSet, held_out
from isofed.tasks.vein.layouts.opening import Tests
from isofed.tasks.vein.layouts.read import Fingers
from isofed.tasks.vein.options import VeinOptions

OPTIONS = VeinOptions(height=100, width=300)


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


def held(*sets: TestSet) -> Tests:
    """Return what the evaluator of some sensors holds."""
    return Tests({f"sensor{number}": each for number, each in enumerate(sets)})


def test_pixels_tell_fingers_that_differ_and_nothing_where_all_is_noise() -> None:
    found = evaluate.result(evaluate.measure_pixels(held(noisy(0.1)), OPTIONS))["mean"]
    assert found["EER"] == 0.0 and found["rank-1"] == 1.0
    chance = evaluate.result(evaluate.measure_pixels(held(noisy(1.0, images=8)), OPTIONS))["mean"]
    assert chance["EER"] > 0.35


def test_random_features_are_chance() -> None:
    found = evaluate.result(evaluate.measure_random(held(noisy(0.1, images=8)), OPTIONS))["mean"]
    assert abs(found["EER"] - 0.5) < 0.1 and found["rank-1"] < 0.4


def test_a_model_is_measured_by_cosines_of_its_features() -> None:
    test = noisy(0.1)
    net = model.build("tiny", 3, torch.Generator().manual_seed(0)).eval()
    with torch.no_grad():
        features = net(model.prepared(torch.tensor(test.fingers.pixels))).features.numpy()
    expected = rules.score(features, test.fingers.takes, test.split).result()
    found = evaluate.result(evaluate.measure(net, held(test), OPTIONS))
    assert found["mean"] == found["at sensor0"] and found["mean"] == pytest.approx(expected, abs=1e-3)


def test_every_sensor_counts_alike_whatever_its_size_and_the_unseen_not_at_all() -> None:
    sets = [noisy(0.9, 1), noisy(0.9, 2, subjects=14), noisy(1.0, 3)]
    sums = evaluate.measure_pixels(held(*sets[:2]), OPTIONS)
    both = evaluate.result(sums)
    each = [both[f"at sensor{number}"]["EER"] for number in (0, 1)]
    assert both["mean"]["EER"] == pytest.approx(sum(each) / 2)
    assert both["spread"]["EER"] == pytest.approx(abs(each[0] - each[1]) / 2**0.5)
    assert {frozenset(row) for row in both.values()} == {frozenset(both["mean"])}
    unseen = evaluate.measure_pixels(Tests({"unseen-x": sets[2]}), OPTIONS)
    all_three = evaluate.result(merge(sums, unseen))
    assert all_three["mean"] == both["mean"] and all_three["at unseen-x"]["EER"] > max(each)


def test_statistics_of_two_parts_of_a_sensor_add_up() -> None:
    parts = [evaluate.measure_pixels(held(noisy(0.6, seed)), OPTIONS) for seed in (1, 2)]
    merged = evaluate.result(merge(*parts))["mean"]
    alone = [evaluate.result(part)["mean"]["EER"] for part in parts]
    assert min(alone) - 0.1 <= merged["EER"] <= max(alone) + 0.1
    assert sum(part["sensor0:rank1.probes"] for part in parts) == 2 * 8 * 3


def test_curves_are_the_errors_of_all_scores_at_a_threshold() -> None:
    test = noisy(0.7, images=8)
    sums = evaluate.measure_pixels(held(test), OPTIONS)
    found = evaluate.scores(sums)["sensor0"]
    # all pairs of 8 fingers with 8 pictures each
    assert (sum(found.genuine), sum(found.impostor)) == (8 * 28, 28 * 64)
    assert len(found.edges) == len(found.genuine) + 1 and found.edges[0] == -1.0 and found.edges[-1] == 1.0
    assert list(found.far) == sorted(found.far) and list(found.frr) == sorted(found.frr, reverse=True)
    # fewer than ten impostors of 1,792 below that
    assert 10 / (28 * 64) <= found.far[0] < 10 / (28 * 64) * 1.25 and found.far[-1] == pytest.approx(0.9)
    tally = from_scalars({name.partition(":")[2]: value for name, value in sums.items()})
    rates = tally.rates()
    for far, frr in zip(found.far, found.frr, strict=True):
        assert frr == rates.frr[rates.far <= far].min()
    at = list(rates.thresholds).index(found.threshold)
    assert (rates.far[at] + rates.frr[at]) / 2 == pytest.approx(tally.eer()[0], abs=0.01)


def test_histograms_of_parts_add_up() -> None:
    parts = [evaluate.measure_pixels(held(noisy(0.6, seed)), OPTIONS) for seed in (1, 2)]
    whole = evaluate.scores(merge(*parts))["sensor0"]
    each = [evaluate.scores(part)["sensor0"].impostor for part in parts]
    assert whole.impostor == tuple(map(sum, zip(*each, strict=True)))


def test_no_name_of_a_result_holds_a_dot() -> None:
    found = evaluate.result(evaluate.measure_pixels(held(noisy(0.6, images=12)), OPTIONS))
    assert "TAR@1e-2" in found["mean"]
    assert not [name for row in found.values() for name in (*row, *found) if "." in name]
