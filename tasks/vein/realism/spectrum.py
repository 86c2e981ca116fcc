"""The power spectrum of a finger's middle, averaged over directions."""

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError

Floats = NDArray[np.float64]
HEIGHT, WIDTH = 96, 256  # of the window: inside the finger in every published pose
LEAST = 1e-12  # power that counts as none
BINS = 48  # from frequency 0 to 1/2, pixels^-1
# longest and shortest period, pixels: joints and bones; vessels with their surround; skin, edges; noise
BANDS = ((np.inf, 40.0), (40.0, 12.0), (12.0, 4.0), (4.0, 2.0))


def window(image: NDArray[np.uint8], centre: tuple[float, float]) -> Floats:
    """Return the (HEIGHT, WIDTH) pixels around a place (x, y), those of the frame's edge where it ends.

    Raises:
        DataError: the picture is smaller than the window.
    """
    if image.shape[0] < HEIGHT or image.shape[1] < WIDTH:
        raise DataError(
            f"a picture of {image.shape[1]} x {image.shape[0]} is smaller than the {WIDTH} x {HEIGHT} whose "
            "spectrum is compared; expected pictures as published, 600 x 300"
        )
    left = int(np.clip(round(centre[0]) - WIDTH // 2, 0, image.shape[1] - WIDTH))
    top = int(np.clip(round(centre[1]) - HEIGHT // 2, 0, image.shape[0] - HEIGHT))
    return image[top : top + HEIGHT, left : left + WIDTH].astype(np.float64)


def power(part: Floats) -> Floats:
    """Return the power of relative brightness at each frequency, (BINS,), pixels^2.

    ``P(f) = mean over |k| = f of |F(h (I / mean(I) - 1))|^2 / sum h^2``, h a Hann window. A picture of white
    noise with relative standard deviation s has P = s^2 everywhere; exposure does not enter.

    Args:
        part: (h, w) brightness; a mean below one level counts as one.
    """
    found, radius = _periodogram(part)
    inside = (radius < 0.5) & (radius > 0)
    at = (radius[inside] * 2 * BINS).astype(int)
    return np.bincount(at, found[inside], BINS) / np.maximum(np.bincount(at, minlength=BINS), 1)


def contrasts(part: Floats) -> tuple[float, ...]:
    """Return the relative contrast of structures of each of BANDS: ``sqrt(sum over the band of P / (h w))``.

    A wave of relative amplitude a has the contrast a / sqrt(2) in its band; the window lets a little of it
    stand in neighbouring bands.

    Args:
        part: as :func:`power` takes it.
    """
    found, radius = _periodogram(part)
    inside = ((radius >= 1 / low) & (radius < 1 / high) & (radius > 0) for low, high in BANDS)
    return tuple(float(np.sqrt(found[chosen].sum() / part.size)) for chosen in inside)


def _periodogram(part: Floats) -> tuple[Floats, Floats]:
    """Return the power and the frequency at each point of the Fourier transform, (h, w) each."""
    mean = float(part.mean())
    rows, columns = (np.hanning(size + 2)[1:-1] for size in part.shape)
    hann = rows[:, None] * columns
    found = np.abs(np.fft.fft2(hann * (part - mean) / max(mean, 1.0))) ** 2 / (hann**2).sum()
    return found, np.hypot(np.fft.fftfreq(part.shape[0])[:, None], np.fft.fftfreq(part.shape[1]))


def frequencies() -> Floats:
    """Return the middles of the bins of :func:`power`, pixels^-1, (BINS,)."""
    return (np.arange(BINS) + 0.5) / (2 * BINS)


def slope(found: Floats, band: tuple[float, float] = (40.0, 4.0)) -> float:
    """Return the exponent a of ``P ~ f^a`` that fits best between two periods, pixels; NaN without power."""
    f = frequencies()
    chosen = (f >= 1 / band[0]) & (f <= 1 / band[1]) & (found > 0)
    if chosen.sum() < 2:
        return float("nan")
    return float(np.polyfit(np.log(f[chosen]), np.log(found[chosen]), 1)[0])


def apart(one: Floats, other: Floats) -> float:
    """Return how far two spectra are apart: the root mean square of their difference, decibels."""
    levels = [10 * np.log10(np.maximum(found, LEAST)) for found in (one, other)]
    return float(np.sqrt(np.mean((levels[0] - levels[1]) ** 2)))
