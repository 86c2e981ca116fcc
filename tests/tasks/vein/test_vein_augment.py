"""Where a place of a picture comes to, and that nothing happens where nothing is asked for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from isofed.tasks.vein import augment
from isofed.tasks.vein.augment import Draws
from isofed.tasks.vein.options import VeinOptions

HEIGHT, WIDTH = 40, 120
NOTHING = VeinOptions(height=HEIGHT, width=WIDTH, turn=0, shift=0, zoom=0, light=0, contrast=0, noise=0)
STILL = Draws(np.zeros(1), np.zeros((1, 2)), np.ones(1), np.ones(1), np.zeros(1), None)


def pictures(count: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH), np.uint8)


def spot(x: float, y: float) -> torch.Tensor:
    """Return a picture with a soft spot at (x, y) pixels from the centre."""
    down, across = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    far = (across - (WIDTH - 1) / 2 - x) ** 2 + (down - (HEIGHT - 1) / 2 - y) ** 2
    return torch.exp(-far / 8)[None, None]


def place(picture: torch.Tensor) -> tuple[float, float]:
    """Return the centre of mass, (x, y) pixels from the centre of the picture."""
    mass = picture[0, 0] / picture.sum()
    x = (mass.sum(0) * (torch.arange(WIDTH) - (WIDTH - 1) / 2)).sum()
    y = (mass.sum(1) * (torch.arange(HEIGHT) - (HEIGHT - 1) / 2)).sum()
    return float(x), float(y)


def test_nothing_asked_for_changes_nothing() -> None:
    given = pictures()
    found = augment.training(given, NOTHING, np.random.default_rng(0), "cpu")
    assert torch.allclose(found, augment.plain(given, "cpu"), atol=1e-5)


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        (replace(STILL, shifts=np.array([[0.1, 0.0]])), (30 + 12, 0)),
        (replace(STILL, shifts=np.array([[0.0, -0.2]])), (30, -8)),
        (replace(STILL, zooms=np.array([1.2])), (36, 0)),
        # counter-clockwise as seen: what lies to the right goes up
        (
            replace(STILL, turns=np.deg2rad([20.0])),
            (30 * np.cos(np.deg2rad(20)), -30 * np.sin(np.deg2rad(20))),
        ),
    ],
)
def test_a_place_comes_to_zoom_times_turned_plus_shift(draws: Draws, expected: tuple[float, float]) -> None:
    assert place(augment.apply(spot(30, 0), draws)) == pytest.approx(expected, abs=0.15)


def test_contrast_comes_before_light() -> None:
    draws = replace(STILL, gains=np.array([0.5]), offsets=np.array([0.25]))
    flat = torch.full((1, 1, HEIGHT, WIDTH), 0.5)
    assert torch.allclose(augment.apply(flat, draws), torch.full_like(flat, 0.5))


def test_noise_has_the_spread_asked_for() -> None:
    options = replace(NOTHING, noise=0.05)
    found = augment.training(pictures(8), options, np.random.default_rng(0), "cpu")
    left = found - augment.plain(pictures(8), "cpu")
    assert left.std().item() == pytest.approx(0.1, rel=0.02)  # 0.05 of a scale from -1 to 1


def test_draws_stay_within_what_is_asked_for_and_differ() -> None:
    options = VeinOptions(height=16, width=16, turn=10, shift=0.1, zoom=0.2, light=0.3, contrast=0.4, noise=0)
    drawn = augment.draw(500, options, np.random.default_rng(0))
    for values, most in (
        (np.rad2deg(drawn.turns), 10),
        (drawn.shifts, 0.1),
        (drawn.zooms - 1, 0.2),
        (drawn.gains - 1, 0.4),
        (drawn.offsets, 0.6),
    ):
        assert 0.95 * most < np.abs(values).max() <= most and np.abs(values.mean()) < 0.1 * most
    assert (
        np.abs(
            np.corrcoef([drawn.turns, *drawn.shifts.T, drawn.zooms, drawn.gains, drawn.offsets])[0, 1:]
        ).max()
        < 0.2
    )


def test_one_picture_of_a_batch_is_changed_as_if_it_were_alone() -> None:
    options, given = VeinOptions(height=HEIGHT, width=WIDTH), pictures(4)
    drawn = augment.draw(4, options, np.random.default_rng(0))
    whole = augment.apply(augment.plain(given, "cpu"), drawn)
    assert drawn.noise is not None
    second = Draws(*(value[1:2] for value in vars(drawn).values()))
    assert torch.allclose(augment.apply(augment.plain(given[1:2], "cpu"), second), whole[1:2], atol=1e-6)
