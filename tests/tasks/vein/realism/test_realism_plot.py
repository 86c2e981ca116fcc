"""A chart's lines are where its values are."""

from dataclasses import replace

import numpy as np
import pytest

from isofed.tasks.vein.realism.plot import (
    BOTTOM,
    LEFT,
    ONE,
    OTHER,
    RIGHT,
    SHADE,
    TOP,
    Chart,
    draw_chart,
    rounded,
)

WIDTH, HEIGHT = 300, 200
X = np.linspace(0, 10, 41)
CHART = Chart("title", "across", X, 0 * X + 2, 0 * X + 6, 0 * X + 5, 0 * X + 7, (0, 5, 10), (0, 4, 8))


def rows(chart: Chart, colour: tuple[int, int, int], share: float) -> tuple[float, int]:
    """Return the mean height of a colour, 0 to 1 on the axis, in one column; and how much."""
    pixels = np.asarray(draw_chart(chart, WIDTH, HEIGHT)).astype(int)
    column = pixels[TOP - 1 : HEIGHT - BOTTOM + 2, round(LEFT + share * (WIDTH - LEFT - RIGHT))]
    found = np.flatnonzero(abs(column - colour).sum(1) < 40) - 1
    return 1 - float(found.mean()) / (HEIGHT - TOP - BOTTOM) if len(found) else np.nan, len(found)


def test_lines_and_band_stand_at_their_values() -> None:
    assert rows(CHART, ONE, 0.5)[0] == pytest.approx(2 / 8, abs=0.01)
    middle, size = rows(CHART, SHADE, 0.3)
    assert middle == pytest.approx(6 / 8, abs=0.02)
    assert size == pytest.approx((7 - 5) / 8 * (HEIGHT - TOP - BOTTOM), abs=6)


def test_the_second_line_is_dashed() -> None:
    drawn = [rows(CHART, OTHER, share)[1] > 0 for share in np.linspace(0.05, 0.95, 60)]
    assert 15 < sum(drawn) < 45


def test_what_lies_beyond_the_axes_is_kept_at_their_ends() -> None:
    high = replace(CHART, one=CHART.one + 100)
    assert rows(high, ONE, 0.5)[0] == pytest.approx(1, abs=0.01)
    hole = replace(CHART, one=np.where(X < 5, np.nan, 2.0))
    assert np.isnan(rows(hole, ONE, 0.2)[0]) and rows(hole, ONE, 0.8)[0] == pytest.approx(0.25, abs=0.01)


def test_decades() -> None:
    x = np.geomspace(1, 100, 20)
    chart = Chart("t", "a", x, x, x, x, x, (1, 10, 100), (1, 10, 100, 1000, 10_000), log=True)
    assert rows(chart, ONE, 0.5)[0] == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize(("most", "top"), [(0.021, 0.03), (0.3, 0.3), (7.2, 8), (9.9, 10), (0.0, 1)])
def test_axes_end_at_round_numbers(most: float, top: float) -> None:
    assert rounded(most) == pytest.approx((0, top / 2, top))
