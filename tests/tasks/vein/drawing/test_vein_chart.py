import numpy as np
import pytest

from isofed.tasks.vein.drawing.chart import absorbance, azimuth, depth_inside, rolled, scattering
from isofed.tasks.vein.drawing.finger import Finger, canvas_points, identity


@pytest.fixture(scope="module")
def finger() -> Finger:
    """Return any finger."""
    return identity(7, 0)


def test_check_05_a_vein_at_the_middle_moves_by_the_formula() -> None:
    moved = [rolled(0.0, 0.8, 60.0, roll) for roll in (5, 10, 15, 20)]
    assert moved == pytest.approx([4.18, 8.34, 12.42, 16.42], abs=0.01)


def test_check_05_a_vein_at_the_side() -> None:
    moved = [rolled(30.0, 0.8, 60.0, roll) for roll in (-20, -10, 10, 20)]
    assert moved == pytest.approx([15.375, 23.038, 36.051, 41.006], abs=1e-3)


@pytest.mark.parametrize("roll", [-20.0, -5.0, 0.0, 10.0])
def test_the_warp_looks_where_the_formula_says(roll: float) -> None:
    q = np.linspace(-0.5, 0.5, 11, dtype=np.float32)
    seen = azimuth(q, 0.8, 0.0)
    there = np.array([rolled(float(y) * 60, 0.8, 60.0, roll) for y in q], np.float32) / 60
    assert azimuth(there, 0.8, roll) == pytest.approx(seen, abs=1e-5)


@pytest.mark.parametrize("roll", [-20.0, -10.0, 10.0, 20.0])
def test_a_rolled_layer_unrolled_is_the_layer(finger: Finger, roll: float) -> None:
    overlaps = []
    for layer in finger.chart:
        x, q = canvas_points()[0], finger.parts[3]
        before = depth_inside((layer,), x, q, 0.0) > 0
        inner = np.abs(q) < layer.rho * 0.8
        turned = layer.rho * np.sin(np.arcsin(np.clip(q / layer.rho, -1, 1)) + np.deg2rad(roll))
        after = depth_inside((layer,), x, turned.astype(np.float32), roll) > 0
        overlaps.append((before & after & inner).sum() / ((before | after) & inner).sum())
    assert min(overlaps) > 0.99


def test_without_roll_the_finger_is_shown_as_prepared(finger: Finger) -> None:
    inside = depth_inside(finger.chart, canvas_points()[0], finger.parts[3], 0.0)
    assert np.array_equal(inside, finger.neutral[2])


def test_blood_is_nowhere_negative_and_dark_where_the_mask_is(finger: Finger) -> None:
    blood = absorbance(finger.chart, canvas_points()[0], finger.parts[3], 0.0)
    assert blood.min() >= -1e-4
    mask = finger.neutral[2] > 0
    assert blood[mask].mean() > 5 * blood[~mask].mean()


def test_deeper_veins_are_more_blurred() -> None:
    shallow, deep = scattering(0.9, 70.0), scattering(0.75, 70.0)
    assert shallow == pytest.approx(0.8 + 2.5 * 0.7)
    assert shallow < deep <= 4.0
