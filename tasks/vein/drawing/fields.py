"""Random fields and blurs on whole arrays."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

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
    rows, columns = shape
    fy = np.fft.fftfreq(rows)[:, None] * 100
    fx = np.fft.rfftfreq(columns)[None, :] * 100 * stretch
    amplitude = np.maximum(np.hypot(fx, fy), coarsest) ** -power
    amplitude[0, 0] = 0.0
    white = np.fft.rfft2(rng.standard_normal(shape, np.float32))
    field = np.fft.irfft2(white * amplitude, s=shape)
    return (field / field.std()).astype(np.float32)


@lru_cache(maxsize=16)
def gaussian_matrix(size: int, std: float) -> Floats:
    """Return the (size, size) matrix that blurs along an axis; each row's weights add up to 1."""
    weight = np.exp(-((np.arange(-size, size + 1) / max(std, 1e-3)) ** 2) / 2).astype(np.float32)
    # numbers near the smallest that a float can hold are many times slower
    weight[weight < 1e-7] = 0.0
    rows = np.lib.stride_tricks.sliding_window_view(weight, size)[size:0:-1]
    return np.ascontiguousarray(rows / rows.sum(1, keepdims=True))


def gaussian(image: Floats, down: float, along: float) -> Floats:
    """Blur an array (h, w) with standard deviations ``down`` its rows and ``along`` its columns, pixels."""
    rows, columns = (gaussian_matrix(n, round(s, 1)) for n, s in zip(image.shape, (down, along), strict=True))
    # torch's product, because its threads can be counted (one_thread) and NumPy's cannot
    return (torch.from_numpy(rows) @ torch.from_numpy(image) @ torch.from_numpy(columns).T).numpy()


@lru_cache(maxsize=1)
def noise_pool() -> Floats:
    """Return POOL standard normal numbers, the same in every process."""
    pool = np.random.default_rng(20250604).standard_normal(POOL, np.float32)
    pool.flags.writeable = False
    return pool


def noise(place: tuple[float, float], shape: tuple[int, int]) -> Floats:
    """Return a window of the pool: ``place`` are two numbers in 0..1; the window wraps around the pool.

    Args:
        place: where it begins, shares of the pool.
        shape: (rows, columns), any size.
    """
    pool = noise_pool()
    top, left = (int(p * n) % n for p, n in zip(place, POOL, strict=True))
    if top + shape[0] <= POOL[0] and left + shape[1] <= POOL[1]:
        return pool[top : top + shape[0], left : left + shape[1]]
    rows, columns = (np.arange(s, s + n) % m for s, n, m in zip((top, left), shape, POOL, strict=True))
    return pool[np.ix_(rows, columns)]
