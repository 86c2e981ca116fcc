"""A stand-in for the generator: a bright bar with dark lines that follow from the finger's number."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def picture() -> Callable[[int, int, int, tuple[int, int]], np.ndarray]:
    """Draw a finger along the width of a picture."""
    return quick


@pytest.fixture
def bar() -> Callable[..., np.ndarray]:
    """Draw a finger that is turned and moved; see :func:`draw`."""
    return draw


def quick(finger: int, sample: int, session: int, size: tuple[int, int]) -> np.ndarray:
    """Draw at a third of the size, and enlarge."""
    small = draw(finger, sample + 100 * session, (size[0] // 3, size[1] // 3))
    return np.asarray(Image.fromarray(small).resize(size[::-1], Image.Resampling.BILINEAR))


def draw(
    finger: int, seed: int, size: tuple[int, int], angle: float = 0.0, offset: float = 0.0
) -> np.ndarray:
    """Draw a bar of 0.55 of the height, turned counter-clockwise by ``angle`` degrees and moved down."""
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    turn = np.deg2rad(angle)
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2 - offset
    u = (x * np.cos(turn) - y * np.sin(turn)) / width + 0.5
    v = (x * np.sin(turn) + y * np.cos(turn)) / (0.275 * height)
    inside = 1 / (1 + np.exp((np.abs(v) - 1) * 0.275 * height))
    own = np.random.default_rng(finger)
    veins = np.zeros(size)
    for start, slope, wave in own.uniform((-0.7, -0.6, 0.0), (0.7, 0.6, 9.0), (5, 3)):
        line = start + slope * (u - 0.5) + 0.15 * np.sin(6 * u + wave)
        veins = np.maximum(veins, np.exp(-(((v - line) * 12) ** 2)))
    noise = np.random.default_rng((finger, seed)).normal(0, 1.2, size)
    return np.clip(20 + 50 * inside * (1 - 0.3 * veins) + noise, 0, 255).astype(np.uint8)
