"""Masks that lie aside are found where they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.vein.drawing.fields import gaussians
from isofed.tasks.vein.realism.picture import Picture
from isofed.tasks.vein.realism.registration import moved, registration


def picture(aside: tuple[int, int], seed: int = 0) -> Picture:
    """Draw dark lines on a bright bar; the mask lies ``aside`` of where the lines are."""
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[:200, :300]
    veins = np.zeros((200, 300), bool)
    for _ in range(5):
        top, slope, wave = rng.uniform(60, 140), rng.uniform(-0.2, 0.2), rng.uniform(0, 6)
        veins |= abs(y - top - slope * (x - 150) - 6 * np.sin(x / 25 + wave)) < 3
    shape = (y > 20) & (y < 180)
    blurred = gaussians(veins.astype(np.float32), ((3, 3),))[0]
    image = np.where(shape, 90 * (1 - 0.3 * blurred) + rng.normal(0, 1, veins.shape), 15).astype(np.uint8)
    return Picture(1, 1, "Shift", image, shape, np.roll(veins, aside, (0, 1)), (150.0, 100.0))


@pytest.mark.parametrize("aside", [(0, 0), (-7, -1), (4, 9), (0, -12)])
def test_a_mask_aside_is_brought_back(aside: tuple[int, int]) -> None:
    move, fit = registration([picture(aside, seed) for seed in range(2)])
    assert move == (-aside[0], -aside[1])
    assert 0.5 < fit <= 1


def test_the_correlation_is_one_where_the_picture_is_the_mask() -> None:
    given_ = picture((0, 0))
    soft = gaussians(given_.veins.astype(np.float32), ((1.5, 1.5),))[0]
    image = (200 - 150 * soft).astype(np.uint8)
    _, fit = registration([Picture(1, 1, "Shift", image, given_.shape, given_.veins, given_.centre)])
    # less than 1, because what is coarse is taken off the picture alone
    assert 0.85 < fit <= 1


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_moved_mask_brings_nothing_in(down: int, right: int) -> None:
    mask = np.random.default_rng(5).random((5, 6)) > 0.4
    wide = np.roll(np.pad(mask, 6), (down, right), (0, 1))[6:-6, 6:-6]
    assert np.array_equal(moved(mask, (down, right)), wide)
