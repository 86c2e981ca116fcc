"""Dice and IoU, counted by hand."""

import numpy as np
import pytest

from isofed.errors import DataError
from isofed.tasks.vein.benchmarks.masks import dice, iou


def test_overlap() -> None:
    a, b = np.array([1, 1, 1, 0, 0], bool), np.array([0, 1, 1, 1, 0], bool)
    assert dice(a, b) == pytest.approx(2 * 2 / 6) and iou(a, b) == pytest.approx(2 / 4)
    assert dice(a, a) == iou(a, a) == 1.0 and dice(a, ~a) == iou(a, ~a) == 0.0


def test_nothing_agrees_with_nothing() -> None:
    nothing = np.zeros(3, bool)
    assert dice(nothing, nothing) == iou(nothing, nothing) == 1.0


def test_shapes_must_agree() -> None:
    with pytest.raises(DataError, match="expected one shape"):
        dice(np.zeros(3, bool), np.zeros(4, bool))
