"""Rows of a gallery show probes of every sensor; points of a projector are as many as asked for."""

import numpy as np
import torch

from isofed.tasks.vein import build, pictures
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.benchmarks.rules import Takes
from isofed.tasks.vein.layouts.halves import TestSet, held_out
from isofed.tasks.vein.layouts.opening import Tests
from isofed.tasks.vein.layouts.read import Fingers
from isofed.tasks.vein.options import VeinOptions

OPTIONS = VeinOptions(height=16, width=48, backbone="tiny", dimensions=8)


def held(seed: int, subjects: int = 12, images: int = 3) -> TestSet:
    """Return pictures that are alike where they show one finger, and unlike where they do not."""
    rng, subject = np.random.default_rng(seed), np.repeat(np.arange(subjects) + 1, images)
    own = np.kron(rng.normal(size=(subjects, 2, 6)), np.ones((8, 8)))[subject - 1]
    pixels = (128 + 60 * own + 3 * rng.normal(size=own.shape)).clip(0, 255).astype(np.uint8)
    once = np.ones_like(subject)
    takes = Takes(subject, once, once, np.tile(np.arange(images) + 1, subjects))
    return held_out(Fingers(pixels, takes), rules.open_set(takes))


TESTS = Tests({"a": held(0), "b": held(1)})


def model() -> torch.nn.Module:
    return build(OPTIONS, torch.Generator().manual_seed(0)).eval()


def test_rows_show_probes_of_every_sensor_and_the_most_alike_first() -> None:
    rows = pictures.rows(model(), TESTS, OPTIONS, count=6, hits=4)
    assert [caption for _, caption, _ in rows] == ["a"] * 3 + ["b"] * 3
    for probe, _, hits in rows:
        assert probe.shape == (16, 48) and probe.dtype == np.uint8 and len(hits) == 4
        scores = [float(caption) for _, _, caption in hits]
        assert scores == sorted(scores, reverse=True) and sum(right for _, right, _ in hits) <= 1
        for picture, right, _ in hits:
            near = np.abs(picture.astype(int) - probe).mean() < 12
            assert right == near


def test_points_are_spread_over_all_sensors() -> None:
    vectors, thumbnails, ids, sensors, names = pictures.projected(model(), TESTS, OPTIONS, most=20)
    assert vectors.shape == (20, 8) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert thumbnails.shape == (20, 16, 48, 3) and thumbnails.dtype == np.uint8
    assert sensors.tolist() == [0] * 10 + [1] * 10 and names.tolist() == ["a"] * 10 + ["b"] * 10
    assert set(ids.tolist()) == set(range(6))
