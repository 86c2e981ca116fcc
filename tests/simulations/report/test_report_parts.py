"""Numbers in words, tick values, charts and pictures."""

import base64
import io
import math
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from isofed.simulations.report import words
from isofed.simulations.report.axes import round_ticks, ticks
from isofed.simulations.report.bars import Bar, bar_chart
from isofed.simulations.report.charts import COLOURS, DASHES, MARKERS, Plot, Series, line_chart
from isofed.simulations.report.gallery import TALLEST, png_uri
from isofed.simulations.report.markup import el, escaped
from isofed.simulations.report.page import page
from isofed.simulations.report.parts import parts


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.3499, "350 ms"), (1.94, "1.9 s"), (99.94, "99.9 s"), (125, "2 min 05 s"), (3599.6, "1 h 00 min")],
)
def test_durations(value: float, shown: str) -> None:
    assert words.duration(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (999, "999 B"), (999_600, "1.0 MB"), (9_800_000, "9.8 MB"), (2e9, "2.0 GB")],
)
def test_sizes(value: float, shown: str) -> None:
    assert words.size(value) == shown


@pytest.mark.parametrize("value", [None, "12", True, math.nan, math.inf, [1]])
def test_what_is_no_number_is_shown_as_missing(value: object) -> None:
    for show in (words.percent, words.size, words.duration, words.integer):
        assert show(value) == words.MISSING


def test_points_have_a_sign_and_no_minus_zero() -> None:
    assert [words.points(x) for x in (0.1224, -0.031, -0.0001)] == ["+12.2", "−3.1", "0.0"]


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 10))
def test_ticks_enclose_the_values_and_are_even(low: float, span: float, most: int) -> None:
    marks = ticks(low, low + span, most)
    slack = 1e-6 * max(abs(low), span)
    assert marks[0] <= low + slack and marks[-1] >= low + span - slack
    assert 2 <= len(marks) <= most + 2
    assert np.allclose(np.diff(marks), marks[1] - marks[0])


@given(st.integers(0, 500), st.integers(0, 3000))
def test_round_ticks_hold_both_ends(first: int, more: int) -> None:
    marks = round_ticks(first, first + more)
    assert {marks[0], marks[-1]} == {first, first + more}
    assert list(marks) == sorted(set(marks)) and len(marks) <= 11


@given(st.text())
def test_escaped_text_is_read_back(text: str) -> None:
    tree = ElementTree.fromstring(el("td", text, title=text).text)
    assert tree.text == tree.get("title") or "\n" in text or not text
    assert escaped(text) == escaped(text).encode("utf-8").decode()
    if all(c.isprintable() for c in text):
        assert (tree.text or "") == text


def test_sixteen_lines_differ_without_colour() -> None:
    looks = {(n % len(DASHES), n % len(MARKERS)) for n in range(16)}
    assert len(looks) == 16 and len(MARKERS) == COLOURS


def test_a_line_reads_out_every_point_and_marks_few() -> None:
    points = tuple((n, 0.01 * n) for n in range(1, 501))
    figure = ElementTree.fromstring(line_chart(Plot("mAP", "per cent", (Series("a", points),), str)).text)
    line = next(g for g in figure.iter("g") if g.get("data-reads"))
    path = line.find("polyline")
    assert path is not None and len(path.get("points", "").split()) == 500
    assert len(line.get("data-reads", "").split("\n")) == 500
    assert 10 <= len(line.findall("g")) <= 26
    assert line.findall("g")[-1].findtext("title") == "a, round 500: 5.0"


def test_one_round_is_a_chart_too() -> None:
    text = line_chart(Plot("loss", "loss", (Series("a", ((1, 2.5),)),), str, from_zero=False)).text
    assert "nan" not in text and "inf" not in text
    ElementTree.fromstring(text)


def test_bars_are_as_long_as_their_values() -> None:
    bars = [Bar("a", 0.1, None, "alone"), Bar("b", 0.4, 0.01, "together"), Bar("c", 0.0, 0.0, "before")]
    figure = ElementTree.fromstring(bar_chart("mAP", bars).text)
    widths = [float(rect.get("width", "nan")) for rect in figure.iter("rect")]
    assert widths[1] == pytest.approx(4 * widths[0], rel=0.01) and widths[2] == 0
    assert sum(path.get("class") == "whisker" for path in figure.iter("path")) == 1


def test_a_picture_comes_back_as_it_was() -> None:
    image = np.arange(60 * 30 * 3, dtype=np.uint8).reshape(60, 30, 3)
    uri, width, height = png_uri(image)
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    assert (width, height) == (30, 60) and np.array_equal(back, image)


def test_a_tall_picture_is_made_smaller() -> None:
    _, width, height = png_uri(np.zeros((2 * TALLEST, TALLEST), dtype=np.uint8))
    assert (width, height) == (TALLEST // 2, TALLEST)


def test_the_report_needs_neither_torch_nor_hydra() -> None:
    code = (
        "import sys, isofed.simulations.report;"
        "print({'torch', 'hydra', 'flwr', 'tensorboard'} & {m.split('.')[0] for m in sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "set()"


def test_parts_of_an_evaluation_are_a_row_each() -> None:
    row = {"untrained": {"F1": 0.1}, "federated": {"F1": 0.4321}}
    found = parts({"parts": {"columns": ["F1"], "rows": {"AU4": row, "AU5": {"untrained": {}}}}})
    assert found is not None
    for said in ("AU4", "43.2", "F1, untrained", "F1, federated", "AU5"):
        assert said in found.text
    assert "alone" not in found.text
    assert parts({}) is None


def test_a_task_s_own_measures_come_first_and_what_bounds_one_last_and_explained() -> None:
    values = {"EER": 0.2, "EER error": 0.01, "rank-1": 0.7}
    measures = {"EER": {"meaning": "EER: told", "lower": True}, "rank-1": {"meaning": "rank-1: told"}}
    summary = {"metrics": {"federated": values}, "measures": measures}
    history = {"rounds": [{"round": n, "metrics": values} for n in (0, 1)]}
    shown = page(summary, history, None)
    assert "EER and rank-1 of the shared model by round" in shown
    assert "EER, federated model; less is better" in shown
    head = shown[shown.index("All measures in per cent") :]
    assert head.index(">EER<") < head.index(">rank-1<") < head.index(">EER error<")
    assert "EER error: the most by which EER may differ from the exact one" in shown
