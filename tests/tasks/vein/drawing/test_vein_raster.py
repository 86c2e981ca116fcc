import numpy as np
import pytest

from isofed.tasks.vein.drawing.graph import Vessel
from isofed.tasks.vein.drawing.raster import PER_RADIAN, RIM, ROWS, chord, draw_vessel


def straight(diameter: float) -> Vessel:
    """Return a vessel along the chart's middle, its axis on a row of pixels."""
    x, azimuth = np.arange(100.0, 201.0, 4.0), 0.5 / PER_RADIAN
    points = np.stack([x, np.full(len(x), azimuth)], axis=1)
    return Vessel(points, np.full(len(x), diameter), 0.8, 0)


def test_check_04_chords_of_a_cylinder_and_the_light_they_leave() -> None:
    chords = chord(8.0, np.arange(5.0))
    assert chords == pytest.approx([8, 7.746, 6.928, 5.292, 0], abs=1e-3)
    assert np.exp(-0.05 * chords) == pytest.approx([0.6703, 0.6789, 0.7072, 0.7675, 1], abs=1e-4)


def test_check_04_a_drawn_vessel_shows_the_chords_and_the_distances() -> None:
    # a radian as long as its rows, so that a row is a pixel
    drawn = draw_vessel(straight(8.0), lambda x: np.full(np.shape(x), float(PER_RADIAN)))
    assert drawn is not None
    middle = ROWS // 2 - drawn.rows.start
    column = 150 - drawn.columns.start + 56
    assert drawn.chords[middle : middle + 5, column] == pytest.approx([8, 7.746, 6.928, 5.292, 0], abs=1e-3)
    assert drawn.inside[middle : middle + 8, column] == pytest.approx([4, 3, 2, 1, 0, -1, -2, -RIM], abs=1e-3)


def test_a_vessel_drawn_over_itself_is_no_darker() -> None:
    once = straight(6.0)
    there_and_back = Vessel(
        np.concatenate([once.points, once.points[::-1]]), np.full(2 * len(once.points), 6.0), 0.8, 0
    )
    a, b = (draw_vessel(v, lambda x: np.full(np.shape(x), 60.0)) for v in (once, there_and_back))
    assert a is not None and b is not None
    assert b.chords.max() == pytest.approx(a.chords.max())


def test_what_lies_outside_the_chart_is_not_drawn() -> None:
    vessel = straight(6.0)
    far = Vessel(vessel.points + np.array([2000.0, 0.0]), vessel.diameters, 0.8, 0)
    assert draw_vessel(far, lambda x: np.full(np.shape(x), 60.0)) is None
