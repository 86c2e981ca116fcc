"""DET curves and score histograms: where points fall, what is cut, what is said; the section of a page."""

from itertools import pairwise
from pathlib import Path
from statistics import NormalDist
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.simulations.report import write_report
from isofed.simulations.report.det import Curve, det_chart
from isofed.simulations.report.heaps import Histogram, histogram
from isofed.simulations.report.markup import Raw

FARS = (0.001, 0.01, 0.05, 0.2, 0.5)


def parts(figure: Raw, name: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(figure.text).iter(name))


def places(figure: Raw) -> list[list[tuple[float, float]]]:
    """Return the points of every curve on the paper."""
    lines = [line.get("points", "") for line in parts(figure, "polyline")]
    return [[tuple(map(float, each.split(","))) for each in line.split()] for line in lines]  # type: ignore[misc]


def test_two_normal_distributions_are_a_straight_line() -> None:
    normal = NormalDist()
    # genuine scores 3.5 deviations above the impostors': FRR = Phi(-3.5 - Phi^-1(FAR))
    points = tuple((far, normal.cdf(-3.5 - normal.inv_cdf(far))) for far in FARS[:4])
    figure = det_chart("t", [Curve("a", points)])
    (line,) = places(figure)
    assert len(line) == len(points)
    slopes = [(y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in pairwise(line)]
    assert slopes == pytest.approx([360 / 420] * 3, rel=0.02)
    assert "a, equal errors near 5.0 per cent" in figure.text


def test_a_curve_ends_on_the_edge_beyond_which_nobody_is_refused() -> None:
    figure = det_chart("t", [Curve("a", ((0.001, 0.9), (0.01, 0.2), (0.05, 0.0), (0.2, 0.0), (0.5, 0.0)))])
    (line,) = places(figure)
    assert [y for _, y in line] == pytest.approx([30.0, line[1][1], 390.0])
    reads = parts(figure, "g")[-2].get("data-reads") or figure.text
    assert "FRR 0.00 % at FAR 5.00 %" in figure.text and "20.00 %</title>" not in reads


def test_a_perfect_and_an_empty_curve_are_drawn() -> None:
    figure = det_chart("t", [Curve("best", tuple((far, 0.0) for far in FARS)), Curve("none", ())])
    best, nothing = places(figure)
    assert best == [(46.0, 390.0)] and nothing == []
    assert "none" not in [span.text for span in parts(figure, "span")]


@given(
    st.lists(st.floats(0.0, 1.0), min_size=len(FARS), max_size=len(FARS)),
    st.integers(1, 20),
)
def test_no_curve_leaves_its_frame(frrs: list[float], count: int) -> None:
    curve = Curve("a", tuple(zip(FARS, sorted(frrs, reverse=True), strict=True)))
    for line in places(det_chart("t", [curve] * count)):
        assert all(46 <= x <= 466 and 30 <= y <= 390 for x, y in line)


def test_both_histograms_are_shares_of_their_own_kind() -> None:
    edges = (-1.0, -0.5, 0.0, 0.5, 1.0)
    figure = histogram(Histogram("a", edges, (0, 0, 1, 3), (50, 50, 0, 0), 0.25))
    heights = {path.get("class"): path.get("d", "") for path in parts(figure, "path")}
    # 75 per cent of the one, 50 of the other, on an axis to 80
    assert f"V{156 - 120 * 75 / 80:.1f}" in heights["area c0"]
    assert f"V{156 - 120 * 50 / 80:.1f}" in heights["area c1"]
    assert "genuine around 0.62 and impostor around -0.50" in figure.text
    assert "equal errors at 0.25" in figure.text
    assert "equal errors" not in histogram(Histogram("a", edges, (0, 0, 1, 3), (1, 0, 0, 0), 7.0)).text


def test_the_section_has_a_curve_a_histogram_and_rows_of_every_set(
    tmp_path: Path, summary: dict[str, Any], history: dict[str, Any], scored: dict[str, Any]
) -> None:
    page = write_report(tmp_path, {**summary, "scores": scored}, history, None).read_text()
    section = page.split('id="scores"')[1].split("</section>")[0]
    assert section.count("<polyline") == 3 and section.count("<figure") == 4
    assert section.count("left &lt;1&gt;") > 4 and "<1>" not in section
    assert section.count("12.3") == 3 and section.count("1.50") == 3 and "TAR@1e-2" not in section
    assert 'id="scores"' not in write_report(tmp_path, summary, history, None).read_text()
