"""Drawn clips: units move the right region by known amounts, and what tells nothing stays small."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from isofed.tasks.action_units.drawing.film import filmed, warped
from isofed.tasks.action_units.drawing.motion import WINDOWS, displacement, envelope, region, windows
from isofed.tasks.action_units.drawing.plan import Planned, Small, drawn_units, planned
from isofed.tasks.action_units.drawing.styles import STYLES
from isofed.tasks.action_units.flow import flow
from isofed.tasks.action_units.labels import Clip
from isofed.tasks.action_units.layouts.databases import DATABASES
from isofed.tasks.action_units.model import UNITS

QUIET = Small(size=96, frames=5, drift=0.0, shake=0.0, noise=0.0)


def clip(unit: int, database: str = "mmew", apex: int = 12) -> Clip:
    return Clip(database, "1", "S01-01-001", 10, apex, 14, str(unit), "x", frozenset({unit}))


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_moves_its_own_region_where_it_says(unit: int) -> None:
    pytest.importorskip("cv2", reason="flow needs isofed[flow]")
    shown = filmed(0, Planned(clip(unit), 1.6, (1.0, 1.0)), QUIET)
    assert shown.shape == (5, 96, 96, 3) and shown.dtype == np.uint8
    first, apex = (np.ascontiguousarray(frame[..., 1]) for frame in (shown[0], shown[2]))
    found = flow(first, apex)
    inside = region([unit], 96)
    length = np.hypot(*found)
    assert length[inside].mean() > 4 * length[~inside].mean()
    truth = displacement([unit], (1.0, 1.0), 1.6 * 96 / 128, 96)
    along = (found * truth).sum(0)[inside].sum() / (truth**2).sum(0)[inside].sum()
    assert 0.5 < along < 1.2  # flow smooths a small patch


def test_windows_are_mirrored() -> None:
    assert set(WINDOWS) == set(UNITS) and len(windows(17)) == 1
    (left, right) = windows(12)
    assert left[:3] == (0.36, 0.74, -0.8) and right[:3] == (0.64, 0.74, 0.8)
    both = displacement([4], (1.0, 1.0), 1.0, 64)
    np.testing.assert_allclose(both[0], -both[0][:, ::-1], atol=1e-12)
    np.testing.assert_allclose(both[1], both[1][:, ::-1], atol=1e-12)
    half = displacement([4], (1.0, 0.5), 1.0, 64)
    assert np.abs(half[1][:, 44:]).max() < 0.6 * np.abs(both[1]).max()
    assert not displacement([], (1.0, 1.0), 1.0, 8).any() and not region([], 8).any()


def test_the_envelope() -> None:
    steps = envelope(9, 4)
    assert steps[0] == 0 and steps[4] == 1 and np.isclose(steps[8], 0.3) and np.isclose(steps[2], 0.5)
    assert not envelope(5, 0).any() and envelope(3, 2)[2] == 1


def test_a_warp_shows_what_was_there() -> None:
    still = gaussian_filter(np.random.default_rng(0).normal(size=(32, 32)), 2)
    moved = np.zeros((2, 2, 32, 32))
    moved[1, 0], moved[1, 1] = 3, -2  # to the right and up
    none, some = warped(still, moved)
    np.testing.assert_allclose(none, still, atol=1e-5)
    np.testing.assert_allclose(some[4:-6, 6:-6], still[6:-4, 3:-9], atol=1e-5)


def test_databases_look_different() -> None:
    plans = {key: Planned(clip(12, key), 1.0, (1.0, 1.0)) for key in STYLES}
    shown = {key: filmed(0, plan, QUIET) for key, plan in plans.items()}
    for key, frames in shown.items():
        assert (frames.ndim == 3) == DATABASES[key].grey
    assert shown["casme3a"].shape[1] == 72 and shown["samm"].shape[1] == 108
    levels = {key: float(frames.mean()) for key, frames in shown.items()}
    assert max(levels.values()) - min(levels.values()) > 20


def test_what_a_camera_adds_is_small_and_tells_nothing() -> None:
    still = Planned(clip(12, apex=10), 1.6, (1.0, 1.0))
    assert (np.diff(filmed(0, still, QUIET).astype(int), axis=0) == 0).all()
    shaken = filmed(0, still, replace(QUIET, shake=0.2, drift=0.02, noise=1.5)).astype(float)
    difference = np.abs(np.diff(shaken, axis=0))
    assert 0.5 < difference.mean() < 8
    other = filmed(0, replace(still, clip=replace(still.clip, material="b")), QUIET)
    np.testing.assert_array_equal(other[0], filmed(0, still, QUIET)[0])  # one face a person
    stranger = filmed(0, replace(still, clip=replace(still.clip, subject="2")), QUIET)
    assert np.abs(stranger[0].astype(int) - other[0]).mean() > 5


def test_units_are_drawn_as_often_as_published() -> None:
    rng = np.random.default_rng(0)
    drawn = [drawn_units(rng, STYLES["mmew"]) for _ in range(4000)]
    for unit, count in zip(UNITS, STYLES["mmew"].positives, strict=True):
        odds = count / 300
        share = sum(unit in units for units in drawn) / len(drawn)
        assert abs(share - odds) < 4 * np.sqrt(odds * (1 - odds) / 4000) + 1e-9
    first = [units for units in drawn if 1 in units]
    assert 0.66 < sum(2 in units for units in first) / len(first) < 0.8


def test_plans() -> None:
    small = Small(subjects=2, clips=3, still=1.0, frames=12)
    plans = list(planned(1, small))
    assert len(plans) == 36 and plans == list(planned(1, small)) and plans != list(planned(2, small))
    assert plans[:3] == [
        plan for plan in planned(1, replace(small, subjects=1)) if plan.clip.database == "casme"
    ]
    assert all(plan.clip.still == (plan.clip.database == "casme3a") for plan in plans)
    assert len({(plan.clip.subject, plan.clip.material) for plan in plans}) == 36
    assert all(0.4 <= plan.peak <= 1.6 and min(plan.halves) >= 0.5 for plan in plans)
