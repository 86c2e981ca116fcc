"""The report in a real browser: what a reader sees at several widths, in light and in dark."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isofed.simulations.report import Gallery, write_report

pytestmark = pytest.mark.slow


@pytest.fixture
def screen(
    visit: Callable[..., Any],
    tmp_path: Path,
    summary: dict[str, Any],
    history: dict[str, Any],
    gallery: Gallery,
) -> Callable[..., Any]:
    """Return ``look(width, scheme, expression)`` at the report as it is by then."""
    return lambda *how: visit(write_report(tmp_path, summary, history, gallery), *how)


@pytest.mark.parametrize("width", [320, 400, 768, 1400])
def test_the_page_never_scrolls_sideways(screen: Callable[..., Any], width: int) -> None:
    assert screen(width, "light", "[innerWidth, document.documentElement.scrollWidth]")[0] == width
    assert screen(width, "light", "document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [400, 1400])
def test_long_names_do_not_widen_the_page(
    screen: Callable[..., Any], width: int, summary: dict[str, Any], history: dict[str, Any]
) -> None:
    name = "camera" * 40
    summary["metrics"]["alone"][name] = summary["metrics"]["alone"]["cam6"] | {"mAP": 0.3}
    for part in ("sites", "bytes", "left"):
        summary[part][name] = summary[part]["cam1"]
    summary |= {"strategy": name, "protocol": name, "engine": name, "version": name}
    summary["contract"]["leaves"] = [name]
    history["rounds"][0]["loss"][name] = 1.0
    assert screen(width, "light", "document.documentElement.scrollWidth") <= width
    assert screen(width, "light", "document.body.innerText").count(name) >= 8


def test_the_page_is_drawn_in_light_and_dark(screen: Callable[..., Any]) -> None:
    light, dark = screen(1400, "light"), screen(1400, "dark")
    assert light.shape == (900, 1400)
    assert np.median(light) > 220 and np.median(dark) < 60
    assert light.std() > 10 and dark.std() > 10


def test_the_headline_is_in_the_document(screen: Callable[..., Any]) -> None:
    seen = screen(400, "light", "document.querySelector('.hero').innerText")
    assert "41.5 %" in seen and "+17.5 points" in seen


def test_pictures_are_decoded(screen: Callable[..., Any]) -> None:
    widths = screen(1400, "light", "[...document.images].map((image) => image.naturalWidth)")
    assert len(widths) == 22 and set(widths) == {24}


def test_a_point_is_read_out_and_a_line_is_put_away(screen: Callable[..., Any]) -> None:
    seen = screen(
        1400,
        "light",
        """(() => {
          const figure = document.querySelectorAll("figure:has(svg.lines)")[1];
          const svg = figure.querySelector("svg.lines"), line = svg.querySelector(".series");
          const at = line.querySelector("polyline").points[2].matrixTransform(svg.getScreenCTM());
          const place = {clientX: at.x, clientY: at.y};
          const move = () => svg.dispatchEvent(new PointerEvent("pointermove", place));
          move();
          const read = figure.querySelector(".tip").textContent, button = figure.querySelector("button");
          button.click(); move();
          return [read, button.getAttribute("aria-pressed"), getComputedStyle(line).display,
                  figure.querySelector(".tip").textContent != read];
        })()""",
    )
    assert seen == ["cam1, round 3: 3.700", "false", "none", True]


def test_curves_of_scores_fit_the_page_and_are_read_out(
    screen: Callable[..., Any], summary: dict[str, Any], scored: dict[str, Any]
) -> None:
    scored["curves"]["third"]["threshold"] = -0.8  # under the axis's unit
    summary["scores"] = scored
    assert screen(320, "light", "document.documentElement.scrollWidth") <= 320
    seen = screen(
        1400,
        "light",
        """(() => {
          const svg = document.querySelector("#scores svg.lines");
          const at = svg.querySelector("polyline").points[2].matrixTransform(svg.getScreenCTM());
          svg.dispatchEvent(new PointerEvent("pointermove", {clientX: at.x, clientY: at.y}));
          const shown = [...document.querySelectorAll("#scores svg text")];
          const texts = shown.map((text) => text.getBoundingClientRect());
          const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
          return [svg.closest("figure").querySelector(".tip").textContent, texts.length > 40,
                  texts.flatMap((a, i) => texts.slice(i + 1).filter((b) => over(a, b))).length];
        })()""",
    )
    assert seen == ["left <1>: FRR 20.00 % at FAR 5.00 %", True, 0]
