"""The ridge filter on lines whose answer is known, and the area under the ROC curve beside its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.vein.realism.ridges import BINS, SCALES, TOP, histogram, ridges, told_apart


def line(width: float, depth: float, angle: float, level: float = 200.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a line with a Gaussian profile through the middle; return it and the distances from it."""
    y, x = np.mgrid[-60:61, -60:61]
    away = y * np.cos(np.deg2rad(angle)) - x * np.sin(np.deg2rad(angle))
    return np.rint(level * (1 - depth * np.exp(-((away / width) ** 2) / 2))).astype(np.uint8), away


@pytest.mark.parametrize("width", [1.5, 2.5, 4.0])
@pytest.mark.parametrize("angle", [0.0, 90.0, 30.0, -55.0])
def test_a_dark_line_answers_by_the_formula(width: float, angle: float) -> None:
    depth = 0.1
    image, _ = line(width, depth, angle)
    # the brightness by which it is divided is the blurred line's own
    expected = max(
        depth * width * s**2 / (width**2 + s**2) ** 1.5 / (1 - depth * width / np.hypot(width, s))
        for s in SCALES
    )
    assert ridges(image)[50:70, 50:70].max() == pytest.approx(expected, rel=0.08)


def test_a_bright_line_and_a_plain_do_not_answer() -> None:
    image, away = line(2.5, -0.2, 20.0, level=150.0)
    answers = ridges(image)
    assert answers[abs(away) < 0.5].max() < 0.002
    assert ridges(np.full((40, 40), 77, np.uint8)) == pytest.approx(np.zeros((40, 40)), abs=1e-3)
    assert (ridges(np.zeros((40, 40), np.uint8)) >= 0).all()


def test_exposure_does_not_enter() -> None:
    bright, dim = (ridges(line(2.5, 0.3, 10.0, level)[0])[40:80, 40:80] for level in (240.0, 120.0))
    assert dim == pytest.approx(bright, abs=0.006)


@given(st.lists(st.integers(0, 5), min_size=1), st.lists(st.integers(0, 5), min_size=1))
def test_the_area_under_the_curve_is_its_definition(chosen: list[int], others: list[int]) -> None:
    wins = np.mean([(a > b) + 0.5 * (a == b) for a in chosen for b in others])
    assert told_apart(np.array(chosen, float), np.array(others, float)) == pytest.approx(wins)


def test_nothing_is_told_from_nothing() -> None:
    assert np.isnan(told_apart(np.array([]), np.array([1.0])))


def test_the_histogram_of_answers() -> None:
    found = histogram(np.array([0.0, TOP / BINS * 1.5, 10 * TOP, TOP]))
    assert found[0] == 0.25 and found[1] == 0.25 and found[-1] == 0.5 and found.sum() == 1
    assert not histogram(np.array([])).any()
