"""Turned clips keep their lengths, larger ones their shape; a confidence is never touched."""

from typing import Any

import numpy as np
import pytest

from isofed.tasks.micro_gesture import augment
from isofed.tasks.micro_gesture.options import MicroGestureOptions

CLIPS = np.random.default_rng(0).standard_normal((4, 3, 52, 22)).astype(np.float32)


def changed(seed: int = 0, clips: Any = CLIPS, **options: Any) -> Any:
    given = MicroGestureOptions(**{"body": "imigue", **options})
    return augment.training(clips, given, np.random.default_rng(seed), "cpu").numpy()


def test_as_released_nothing_is_changed() -> None:
    assert np.array_equal(changed(), CLIPS)


def test_in_a_picture_a_turn_keeps_lengths_and_confidence() -> None:
    found = changed(turn=180)
    lengths = [np.linalg.norm(each[:, :2], axis=1) for each in (found, CLIPS)]
    np.testing.assert_allclose(*lengths, rtol=1e-4, atol=1e-6)
    assert np.array_equal(found[:, 2], CLIPS[:, 2]) and not np.allclose(found, CLIPS)


def test_a_body_in_space_turns_about_the_vertical() -> None:
    clips = np.random.default_rng(1).standard_normal((4, 3, 52, 25)).astype(np.float32)
    found = changed(clips=clips, body="smg", turn=60)
    np.testing.assert_allclose(found[:, 1], clips[:, 1], rtol=1e-6)
    lengths = [np.hypot(each[:, 0], each[:, 2]) for each in (found, clips)]
    np.testing.assert_allclose(*lengths, rtol=1e-4, atol=1e-6)


def test_sizes_differ_by_clip_and_stay_in_their_range() -> None:
    ratio = changed(zoom=0.5)[:, :2] / CLIPS[:, :2]
    each = ratio.reshape(4, -1)
    np.testing.assert_allclose(each, each[:, :1].repeat(each.shape[1], 1), rtol=1e-4)
    assert np.ptp(each[:, 0]) > 0.01 and (abs(each - 1) <= 0.5 + 1e-4).all()


def test_noise_has_its_deviation_and_follows_the_seed() -> None:
    one, same, other = changed(0, noise=0.1), changed(0, noise=0.1), changed(1, noise=0.1)
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert (one - CLIPS)[:, :2].std() == pytest.approx(0.1, rel=0.05)
    assert np.array_equal(one[:, 2], CLIPS[:, 2])
