import numpy as np
import pytest

from isofed.tasks.reid.drawing import garments
from isofed.tasks.reid.drawing.garments import (
    LOWER,
    UPPER,
    Cloth,
    draw_lower,
    draw_upper,
    reflectance,
    weight,
)

AROUND = np.linspace(-np.pi, np.pi, 181)[None, :]
DOWN = np.linspace(0.0, 0.35, 120)[:, None]


def _cloth(pattern: str) -> Cloth:
    return Cloth(pattern, ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9)), (0.2, 0.7), 0.08, 6, 0.12, True)


def _map(pattern: str) -> np.ndarray:
    return np.broadcast_to(weight(_cloth(pattern), AROUND, DOWN), (120, 181))


@pytest.mark.parametrize("pattern", sorted({*UPPER, *LOWER}))
def test_a_weight_lies_between_the_two_colours(pattern: str) -> None:
    values = _map(pattern)
    assert values.min() >= 0 and values.max() <= 1
    assert (values.max() > 0.9) == (pattern != "plain")


def test_patterns_run_as_their_names_say() -> None:
    assert np.ptp(_map("horizontal"), axis=1).max() == 0 < np.ptp(_map("horizontal"), axis=0).max()
    assert np.ptp(_map("vertical"), axis=0).max() == 0 < np.ptp(_map("vertical"), axis=1).max()
    assert _map("yoke")[0].min() == 1 and _map("yoke")[-1].max() == 0
    left, right = AROUND[0] > 0.3, AROUND[0] < -0.3
    inner = np.abs(AROUND[0]) < 2.8
    assert _map("split")[:, left & inner].min() > 0.9 and _map("split")[:, right & inner].max() < 0.1
    assert _map("logo")[:, np.abs(AROUND[0]) > 1.2].max() < 0.1 < _map("logo")[:, 90].max()


def test_about_six_in_ten_patterns_survive_in_infrared() -> None:
    rng = np.random.default_rng(0)
    cloths = [draw(rng) for _ in range(600) for draw in (draw_upper, draw_lower)]
    gaps = np.array([abs(cloth.infrared[0] - cloth.infrared[1]) for cloth in cloths])
    kept = np.array([cloth.survives for cloth in cloths])
    assert 0.55 < kept.mean() < 0.65
    assert gaps[~kept].max() == 0
    assert gaps[kept].min() >= garments.INFRARED_CONTRAST - 1e-9


def test_the_two_colours_differ_in_light() -> None:
    rng = np.random.default_rng(1)
    far = [np.abs(np.subtract(*draw_upper(rng).visible)).max() for _ in range(300)]
    assert np.mean(np.array(far) >= garments.VISIBLE_CONTRAST) > 0.99


def test_infrared_is_half_colour_and_half_material() -> None:
    red, blue = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    assert reflectance(red, 0.4) == pytest.approx(0.5 * 0.55 + 0.2)
    assert reflectance(red, 0.4) > reflectance(blue, 0.4)
    assert reflectance(blue, 1.0) - reflectance(blue, 0.0) == pytest.approx(0.5)


def test_all_reflectances_are_physical() -> None:
    rng = np.random.default_rng(2)
    values = np.array([draw_upper(rng).infrared for _ in range(300)])
    assert values.min() >= 0 and values.max() <= 1


def test_a_cloth_has_three_channels_in_light_and_one_in_infrared() -> None:
    assert _cloth("plain").colours("visible").shape == (2, 3)
    np.testing.assert_allclose(_cloth("plain").colours("infrared"), [[0.2], [0.7]])
