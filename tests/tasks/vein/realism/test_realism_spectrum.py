"""Power spectra of pictures whose spectrum is known."""

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.vein.drawing.fields import coloured
from isofed.tasks.vein.realism.spectrum import (
    BINS,
    apart,
    contrasts,
    frequencies,
    power,
    slope,
    window,
)


def noise(std: float, mean: float = 100.0) -> np.ndarray:
    return mean * (1 + std * np.random.default_rng(3).standard_normal((96, 256)))


def test_white_noise_has_one_power_everywhere() -> None:
    found = power(noise(0.1))
    # the first bin holds few frequencies, from which a Hann window takes the mean's
    assert found[2:] == pytest.approx(np.full(BINS - 2, 0.01), rel=0.35)
    assert found[2:].mean() == pytest.approx(0.01, rel=0.03)
    # the circle of frequencies below 1/2 holds pi / 4 of the square's variance
    assert np.hypot.reduce(contrasts(noise(0.1))) == pytest.approx(0.1 * np.sqrt(np.pi / 4), rel=0.02)


@pytest.mark.parametrize(("period", "band"), [(80.0, 0), (20.0, 1), (7.0, 2), (3.0, 3)])
@pytest.mark.parametrize("across", [True, False])
def test_a_wave_stands_in_its_band(period: float, band: int, across: bool) -> None:
    y, x = np.mgrid[:96, :256]
    wave = 80 * (1 + 0.2 * np.sin(2 * np.pi * (y if across else x) / period))
    found = contrasts(wave)
    assert found[band] == pytest.approx(0.2 / np.sqrt(2), rel=0.15)
    assert all(value < 0.3 * found[band] for n, value in enumerate(found) if n != band)


def test_exposure_does_not_enter() -> None:
    picture = noise(0.1)
    assert power(0.5 * picture) == pytest.approx(power(picture))
    assert (power(np.zeros((96, 256))) == 0).all() and np.isnan(slope(power(np.zeros((96, 256)))))


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_the_slope_of_a_coloured_field(exponent: float) -> None:
    drawn = (coloured(np.random.default_rng(n), (96, 256), exponent, 0.1) for n in range(6))
    found = [slope(power(100 + field.astype(np.float64))) for field in drawn]
    # amplitudes fall by f^-a, powers by f^-2a
    assert np.mean(found) == pytest.approx(-2 * exponent, abs=0.15)


def test_decibels_between_spectra() -> None:
    found = power(noise(0.1))
    assert apart(found, found) == 0
    assert apart(found, 10 * found) == pytest.approx(10)


def test_the_window_lies_around_its_centre_and_inside_the_frame() -> None:
    image = np.add.outer(np.zeros(150), np.arange(300) % 256).astype(np.uint8)
    assert window(image, (150.0, 75.0))[0, 0] == 150 - 128
    assert window(image, (0.0, 0.0)).shape == (96, 256) and window(image, (0.0, 0.0))[0, 0] == 0
    assert window(image, (900.0, 900.0))[0, 0] == 300 - 256
    with pytest.raises(DataError, match="smaller than the 256 x 96"):
        window(image[:90], (150.0, 75.0))


def test_frequencies_reach_to_one_half() -> None:
    assert frequencies()[0] == pytest.approx(1 / (4 * BINS)) and frequencies()[-1] == pytest.approx(
        0.5 - 1 / (4 * BINS)
    )
