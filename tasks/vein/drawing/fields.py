"""Random fields and blurs on whole arrays."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
POOL = (768, 1536)  # of sensor noise drawn once; every image takes a window of it


def coloured(
    rng: np.random.Generator,
    shape: tuple[int, int],
    power: float,
    coarsest: float = 1.0,
    stretch: float = 1.0,
) -> Floats:
    """Draw a field with spectrum 1/f^power, mean 0 and standard deviation 1.

    Args:
        rng: where from.
        shape: (rows, columns).
        power: of the amplitude's decay.
        coarsest: below this frequency, in periods a hundred pixels, the spectrum is flat.
        stretch: how much longer structures are along the columns' axis, above 0.
    """
    white = torch.fft.rfft2(torch.from_numpy(rng.standard_normal(shape, np.float32)))
    field = torch.fft.irfft2(white * _amplitude(shape, power, coarsest, stretch), s=shape).numpy()
    return np.asarray(field / field.std(), np.float32)


@lru_cache(maxsize=16)
def _amplitude(shape: tuple[int, int], power: float, coarsest: float, stretch: float) -> torch.Tensor:
    fy = np.fft.fftfreq(shape[0])[:, None] * 100
    fx = np.fft.rfftfreq(shape[1])[None, :] * 100 * stretch
    amplitude = np.maximum(np.hypot(fx, fy), coarsest) ** -power
    amplitude[0, 0] = 0.0
    return torch.from_numpy(amplitude.astype(np.float32))


def enlarged(field: Floats, shape: tuple[int, int]) -> Floats:
    """Read a coarse field between its points, smoothly."""
    return np.asarray(Image.fromarray(field).resize(shape[::-1], Image.Resampling.BICUBIC))


def gaussians(image: Floats, stds: Sequence[tuple[float, float]]) -> Floats:
    """Blur an array (h, w) by several Gaussians: (n, h, w); outside the array is nothing.

    Args:
        image: what to blur.
        stds: n pairs of standard deviations, across the rows and along them, pixels.
    """
    reach = int(4 * max(max(pair) for pair in stds))
    shape = fast(image.shape[0] + reach), fast(image.shape[1] + reach)
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])
    spectrum = torch.fft.rfft2(torch.from_numpy(image), s=shape)
    blurred = []
    for down, along in stds:
        transfer = np.exp(-2 * (np.pi * down * fy) ** 2) * np.exp(-2 * (np.pi * along * fx) ** 2)
        whole = torch.fft.irfft2(spectrum * torch.from_numpy(transfer.astype(np.float32)), s=shape)
        blurred.append(whole[: image.shape[0], : image.shape[1]])
    return torch.stack(blurred).numpy()


def fast(size: int) -> int:
    """Return the least number from ``size`` on that has no other factors than 2, 3 and 5, and is even."""
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1 and size % 2 == 0:
            return size
        size += 1


@lru_cache(maxsize=1)
def noise_pool() -> Floats:
    """Return POOL standard normal numbers, the same in every process."""
    pool = np.random.default_rng(20250604).standard_normal(POOL, np.float32)
    pool.flags.writeable = False
    return pool


def noise(place: tuple[float, float], shape: tuple[int, int]) -> Floats:
    """Return a window of the pool of standard normal numbers.

    Args:
        place: where it lies, two shares, 0..1, of the places there are.
        shape: (rows, columns); a window larger than the pool repeats it.
    """
    pool = noise_pool()
    if shape[0] > POOL[0] or shape[1] > POOL[1]:
        pool = np.tile(pool, [-(-n // m) for n, m in zip(shape, POOL, strict=True)])
    top, left = (int(p * (n - s + 1)) for p, n, s in zip(place, pool.shape, shape, strict=True))
    return pool[top : top + shape[0], left : left + shape[1]]
