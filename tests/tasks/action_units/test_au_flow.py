"""Flow finds what moved, strain is the textbook's, and nothing is not a number."""

import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from isofed.errors import ConfigError
from isofed.tasks.action_units.flow import SOLVERS, flow, picture, sobel, strain

SIDE = 64


def moving(amplitude: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two grey frames, and how far the second is to the right of the first: (H, W)."""
    rng = np.random.default_rng(0)
    first = gaussian_filter(rng.normal(size=(SIDE, SIDE)), 1.5)
    first = 255 * (first - first.min()) / np.ptp(first)
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    moved = amplitude * np.exp(-((x - 32) ** 2 + (y - 24) ** 2) / (2 * 8**2))
    second = map_coordinates(first, [y, x - moved], order=3, mode="nearest")
    return first.round().astype(np.uint8), second.round().clip(0, 255).astype(np.uint8), moved


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("amplitude", [0.5, 1.5])
def test_sub_pixel_motion_is_found_where_it_is(solver: str, amplitude: float) -> None:
    pytest.importorskip("cv2", reason="flow needs isofed[flow]")
    first, second, moved = moving(amplitude)
    u, v = flow(first, second, solver)
    assert u.dtype == np.float32 and u.shape == (SIDE, SIDE)
    assert 0.45 * amplitude < u[24, 32] < 1.2 * amplitude  # a small patch is smoothed by either
    assert np.abs(u - moved).mean() < 0.08 * amplitude and np.abs(v).mean() < 0.04 * max(amplitude, 1)
    assert np.abs(u[52:]).mean() < 0.05 * amplitude
    # by hand: turned by a quarter, u is v
    w, z = flow(np.ascontiguousarray(first.T), np.ascontiguousarray(second.T), solver)
    assert np.abs(z.T - u).mean() < 0.02 and np.abs(w.T - v).mean() < 0.02


def test_equal_frames_move_nothing_at_all() -> None:
    first = moving(1.0)[0]
    assert not flow(first, first.copy()).any()


def test_check_11_strain_of_a_linear_stretch() -> None:
    a = 0.25
    u = np.tile(a * np.arange(9.0), (9, 1))
    moved = np.stack([u, 0 * u])
    inside = np.s_[1:-1, 1:-1]
    np.testing.assert_allclose(strain(moved)[inside], 8 * a)
    np.testing.assert_allclose(strain(moved, "meb")[inside], 8 * a / np.sqrt(2))
    # a shear u = a y: the textbook's is sqrt(1/2), the other a whole
    moved = np.stack([u.T, 0 * u])
    np.testing.assert_allclose(strain(moved)[inside], 8 * a / np.sqrt(2))
    np.testing.assert_allclose(strain(moved, "meb")[inside], 8 * a)
    # a turn of the whole strains nothing
    np.testing.assert_allclose(strain(np.stack([-u.T, u]))[inside], 0, atol=1e-12)


def test_sobel_against_scipy() -> None:
    from scipy.ndimage import sobel as theirs

    x = np.random.default_rng(1).normal(size=(7, 5))
    for axis in (0, 1):
        np.testing.assert_allclose(sobel(x, axis), theirs(x, axis, mode="constant"), atol=1e-12)


def test_scalings() -> None:
    moved = np.zeros((2, 8, 8), np.float32)
    assert not picture(moved).any()
    fixed = picture(moved, scaling="fixed")
    assert (fixed[:2] == 0.5).all() and not fixed[2].any()
    moved[0, 2, 3], moved[1, 5, 5] = 2, -9
    seen = picture(moved)
    assert seen.dtype == np.float32 and seen.min((1, 2)).tolist() == [0, 0, 0]
    assert seen.max((1, 2)).tolist() == [1, 1, 1]
    fixed = picture(moved, scaling="fixed")
    assert fixed[0, 2, 3] == np.float32(0.5 + 2 / 6) and fixed[1, 5, 5] == 0


def test_unknown_words(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, _ = moving(1.0)
    for call in (
        lambda: flow(first, second, "farnebeck"),
        lambda: strain(np.zeros((2, 4, 4)), "text book"),
        lambda: picture(np.zeros((2, 4, 4), np.float32), scaling="images"),
    ):
        with pytest.raises(ConfigError, match="did you mean"):
            call()
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ConfigError, match=r"needs OpenCV, which is not installed; .*isofed\[flow\]"):
        flow(first, second)
