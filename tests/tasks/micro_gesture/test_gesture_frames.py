"""From clips of any length to 52 frames: which frames, joints that were not seen, units, views."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.micro_gesture.frames import NORMALISATIONS, VIEWS, held, places, prepared, seen
from isofed.tasks.micro_gesture.joints import IMIGUE, SMG


def clips(body: Any, count: int = 2, frames: int = 52, seed: int = 0) -> Any:
    """Return joints around (600, 300), all of them seen."""
    rng = np.random.default_rng(seed)
    x = 600 + 100 * rng.standard_normal((count, frames, len(body.joints), 3)).astype(np.float32)
    if body is IMIGUE:
        x[..., 2] = 0.8
    return x


def test_check_05_the_frames_that_are_looked_at() -> None:
    assert places(np.array([3]), 5).tolist() == [[0, 0, 1, 1, 2]]
    assert places(np.array([52])).tolist() == [list(range(52))]
    long = places(np.array([100]))[0].tolist()
    assert long[:6] == [0, 1, 3, 5, 7, 9] and long[-3:] == [95, 97, 99]
    assert places(np.array([1])).tolist() == [[0] * 52]


@given(st.integers(1, 5000), st.integers(2, 60))
def test_both_ends_are_kept_and_no_frame_is_off_by_more_than_rounding(length: int, frames: int) -> None:
    found = places(np.array([length]), frames)[0]
    line = np.linspace(0, length - 1, frames)
    assert found[0] == 0 and found[-1] == length - 1 and (np.diff(found) >= 0).all()
    assert ((line - found > -1e-6) & (line - found < 1 + 1e-6)).all()


def test_a_joint_stays_where_it_was_last_seen() -> None:
    x = np.zeros((1, 5, 22, 3), np.float32)
    x[0, 1, 0], x[0, 3, 0] = (7, 8, 0.9), (9, 9, 0.9)
    there = seen(x, IMIGUE)
    assert there[0, :, 0].tolist() == [False, True, False, True, False] and not there[0, :, 1:].any()
    assert held(x, there)[0, :, 0, 0].tolist() == [7, 7, 7, 9, 9]
    assert not held(x, there)[0, :, 1:].any()
    raw = prepared(x, IMIGUE, "raw", "hold")
    assert raw[0, 0, :, 0].tolist() == [7, 7, 7, 9, 9]
    assert raw[0, 2, :, 0] == pytest.approx([0, 0.9, 0, 0.9, 0])  # that it was not seen is not forgotten


@pytest.mark.parametrize("body", [IMIGUE, SMG], ids=lambda body: body.name)
def test_as_released_nothing_is_done(body: Any) -> None:
    x = clips(body)
    x[0, 3, 5] = 0
    assert np.array_equal(prepared(x, body, "raw", "zero"), x.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("name", ["body", "range"])
@pytest.mark.parametrize("body", [IMIGUE, SMG], ids=lambda body: body.name)
def test_where_a_camera_stands_and_how_near_does_not_matter(body: Any, name: str) -> None:
    x = clips(body)
    x[0, 3:9, 2:7] = 0
    moved, count = x.copy(), 2 if body is IMIGUE else 3
    moved[..., :count] = np.where(seen(x, body)[..., None], 1.7 * x[..., :count] + 130, 0)
    one, other = prepared(x, body, name), prepared(moved, body, name)
    assert np.abs(one - other).max() < 1e-3 and np.abs(one[:, 0]).max() > 0.5


def test_a_body_is_measured_in_shoulder_widths_from_its_neck() -> None:
    x = clips(IMIGUE, 1)
    x[..., 1, :2], x[..., 2, :2], x[..., 5, :2] = (640, 250), (540, 250), (740, 250)
    found = prepared(x, IMIGUE)[0]
    assert np.allclose(found[:2, :, 1], 0) and np.allclose(found[0, :, 2], -0.5)
    assert np.allclose(found[0, :, 5], 0.5) and np.allclose(found[2], 0.8)


@pytest.mark.parametrize("joints", [(1,), (2, 5), (1, 2, 5), range(1, 22)])
def test_without_neck_or_shoulders_numbers_stay_finite_and_small(joints: Any) -> None:
    x = clips(IMIGUE, 1)
    x[:, :, list(joints)] = 0
    for normalise in ("body", "range"):
        found = prepared(x, IMIGUE, normalise)
        assert np.isfinite(found).all() and np.abs(found).max() < 60


def test_bones_and_motion() -> None:
    x = clips(IMIGUE, 1)
    joint, bone, motion = (prepared(x, IMIGUE, view=view)[0] for view in ("joint", "bone", "motion"))
    for parent, child in IMIGUE.bones:
        assert np.allclose(bone[:2, :, child], joint[:2, :, child] - joint[:2, :, parent], atol=1e-5)
    assert not bone[:2, :, 0].any() and np.array_equal(bone[2], joint[2])
    assert np.allclose(motion[:2, :-1], joint[:2, 1:] - joint[:2, :-1], atol=1e-5)
    assert not motion[:2, -1].any() and np.array_equal(motion[2], joint[2])


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("normalise", NORMALISATIONS)
def test_a_clip_alone_is_prepared_as_among_others(normalise: str, view: str) -> None:
    x = clips(SMG, 3)
    x[1, :4, 2] = 0
    whole = prepared(x, SMG, normalise, "hold", view)
    assert whole.shape == (3, 3, 52, 25) and whole.dtype == np.float32
    assert np.array_equal(whole[1:2], prepared(x[1:2], SMG, normalise, "hold", view))
