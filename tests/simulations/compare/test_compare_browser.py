"""The comparison in a real browser, at several widths, in light and in dark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.simulations.compare import compare

pytestmark = pytest.mark.slow


@pytest.fixture
def page(make: Callable[..., Path], tmp_path: Path) -> Path:
    """Return the comparison of ten settings, two seeds each, one of a very long name."""
    names = [f"strategy{n}" for n in range(9)] + ["strategy" * 30]
    runs = [
        make(f"{place}-{seed}", 0.05 * place + 0.02 * seed, strategy={"name": name}, seed=seed)
        for place, name in enumerate(names)
        for seed in (0, 1)
    ]
    compare(runs, tmp_path)
    return tmp_path / "compare.html"


@pytest.mark.parametrize("width", [320, 400, 768, 1400])
def test_the_page_never_scrolls_sideways(visit: Callable[..., Any], page: Path, width: int) -> None:
    assert visit(page, width, "light", "document.documentElement.scrollWidth") <= width


def test_the_page_is_drawn_in_light_and_dark(visit: Callable[..., Any], page: Path) -> None:
    light, dark = visit(page, 1400, "light"), visit(page, 1400, "dark")
    assert np.median(light) > 220 and np.median(dark) < 60
    assert light.std() > 10 and dark.std() > 10


def test_bars_have_the_colour_of_their_lines(visit: Callable[..., Any], page: Path) -> None:
    bars, lines = visit(
        page,
        1400,
        "light",
        """[[".bar rect", "fill"], [".lines .series polyline", "stroke"]].map(([what, how]) =>
          [...document.querySelectorAll(what)].slice(0, 8).map((x) => getComputedStyle(x)[how]))""",
    )
    assert bars == lines and len(set(bars)) == 8


def test_names_of_ordinary_length_are_not_broken_within_a_word(visit: Callable[..., Any], page: Path) -> None:
    heights = visit(
        page,
        1400,
        "light",
        "[...document.querySelectorAll('#table tbody th')].slice(0, 9).map((x) => x.clientHeight)",
    )
    assert len(heights) == 9 and max(heights) < 48


def test_a_point_is_read_out_with_its_spread(visit: Callable[..., Any], page: Path) -> None:
    seen = visit(
        page,
        1400,
        "light",
        """(() => {
          const figure = document.querySelector("figure:has(svg.lines)"), svg = figure.querySelector("svg");
          const line = svg.querySelectorAll(".series")[4].querySelector("polyline");
          const at = line.points[2].matrixTransform(svg.getScreenCTM());
          svg.dispatchEvent(new PointerEvent("pointermove", {clientX: at.x, clientY: at.y}));
          return figure.querySelector(".tip").textContent;
        })()""",
    )
    assert seen == "strategy=strategy4, round 2: 16.8 % ± 1.1 %"
