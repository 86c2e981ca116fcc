import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isofed.tasks.vein.drawing import kernels
from isofed.tasks.vein.drawing.blurs import blur, spread
from isofed.tasks.vein.drawing.finger import identity
from isofed.tasks.vein.drawing.render import take, whole
from isofed.tasks.vein.drawing.sensing import gain
from isofed.tasks.vein.drawing.sensors import Sensor
from isofed.tasks.vein.drawing.variations import Exposure, Motion, Optical, Scatter, Variation

FLAT = np.eye(2)


def std_along(kernel: np.ndarray) -> float:
    """Return the standard deviation along the columns' axis."""
    at = np.arange(len(kernel)) - len(kernel) // 2
    return float(np.sqrt((kernel.sum(0) * at**2).sum()))


@pytest.mark.parametrize("radius", [2.0, 3.7, 8.0])
def test_check_09_a_disc_is_half_as_wide_as_its_radius(radius: float) -> None:
    # a pixel's own width adds a twelfth to the variance
    assert std_along(kernels.disc(radius, FLAT)) == pytest.approx(np.sqrt(radius**2 / 4 + 1 / 12), rel=0.03)


@pytest.mark.parametrize(("length", "std"), [(3, 0.816), (7, 2.0), (15, 4.32)])
def test_check_09_the_spread_of_a_line(length: int, std: float) -> None:
    assert std_along(kernels.line(Motion(length, 0.0), FLAT)) == pytest.approx(std, abs=0.002)


@pytest.mark.parametrize("direction", [0.0, 30.0, 90.0])
def test_motion_smears_along_its_direction(direction: float) -> None:
    kernel = kernels.line(Motion(15, direction), FLAT)
    at = np.arange(len(kernel)) - len(kernel) // 2
    turn = np.deg2rad(direction)
    # y goes down
    along = at * np.cos(turn) - at[:, None] * np.sin(turn)
    side = at * np.sin(turn) + at[:, None] * np.cos(turn)
    assert (kernel * along**2).sum() > 15 * (kernel * side**2).sum()


@settings(deadline=None, max_examples=25)
@given(
    st.floats(0.7, 4.1), st.booleans(), st.floats(0.6, 1.0), st.floats(1, 5.5), st.sampled_from((3, 9, 15))
)
def test_every_point_spread_keeps_the_energy(
    std: float, flat: bool, haze: float, radius: float, length: int
) -> None:
    taken = Variation(scatter=Scatter(std, flat, haze), optical=Optical(radius), motion=Motion(length, 40.0))
    kernel = spread(taken, 0.5, FLAT)
    assert kernel is not None and kernel.sum() == pytest.approx(1.0) and kernel.min() >= 0
    image = np.zeros((200, 260), np.float32)
    image[90:110, 100:160] = np.random.default_rng(0).uniform(0, 200, (20, 60))
    # nothing reaches the border but haze, which is wide
    assert blur(image, kernel, 1.0, FLAT).sum() == pytest.approx(image.sum(), rel=1e-4)
    assert blur(np.full((80, 90), 7.0, np.float32), kernel, haze, FLAT) == pytest.approx(7.0, rel=1e-4)


def test_a_small_blur_equals_a_convolution_written_out() -> None:
    kernel = kernels.composed([kernels.disc(2.0, FLAT), kernels.line(Motion(5, 60.0, 1.0), FLAT)])
    image = np.random.default_rng(1).uniform(0, 1, (40, 50)).astype(np.float32)
    half = len(kernel) // 2
    padded = np.pad(image, half, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape)
    expected = (windows * kernel[::-1, ::-1]).sum((2, 3))
    assert blur(image, kernel, 1.0, FLAT) == pytest.approx(expected, abs=1e-5)


def test_a_kernel_seen_at_half_size_is_half_as_wide() -> None:
    view = np.diag([0.5, 1.0])
    kernel = kernels.gaussian(4.0, view)
    assert std_along(kernel) == pytest.approx(2.0, rel=0.03)
    assert std_along(kernel.T) == pytest.approx(4.0, rel=0.03)


def test_check_09_scatter_keeps_a_picture_s_mean_and_optics_scale_it() -> None:
    quiet = Sensor(photon=0.0, read=0.0, gamma=(1.0, 1.0))
    finger, view = identity(7, 0, quiet), whole(quiet)
    inner = np.s_[30:-30, 30:-30]

    def mean(taken: Variation) -> float:
        picture = take(finger, taken, quiet, view, spread(taken, 0.0, FLAT))
        return float(picture[inner].astype(float).mean())

    still = mean(Variation())
    assert mean(Variation(scatter=Scatter(3.0))) == pytest.approx(still, rel=1e-3)
    assert mean(Variation(optical=Optical(4.0, 0.85))) == pytest.approx(0.85 * still, rel=2e-3)


@pytest.mark.parametrize(("x", "y", "g"), [(75, 134, 1.72), (300, 150, 1.4441), (599, 150, 1.0531)])
def test_check_08_the_exposure_field(x: float, y: float, g: float) -> None:
    field = Exposure(0.72, 75.13, 134.52, 229.59, 181.66)
    at = np.array([[x]], np.float32), np.array([[y]], np.float32)
    assert gain(field, *at)[0, 0] == pytest.approx(g, abs=1e-4)
