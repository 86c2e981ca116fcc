"""A line chart as pixels: two curves over one axis, and a band around the second."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Floats = NDArray[np.float64]
Colour = tuple[int, int, int]
PAPER, INK, GRID, FAINT = (255, 255, 255), (34, 34, 34), (226, 226, 226), (110, 110, 110)
ONE, OTHER, SHADE = (176, 58, 16), (20, 90, 160), (186, 208, 230)
FINE = 3  # a chart is drawn so many times larger and made small: lines are smooth then
TEXT, TITLE = 12, 14  # pixels
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 28, 36  # around the axes, pixels
DASH = 7  # pixels of a dash and of the gap after it


@dataclass(frozen=True)
class Chart:
    """What a chart shows.

    Attributes:
        title, across: above it, and below its axis.
        x: (n,) places of the points.
        one, other: (n,) solid and dashed line.
        low, high: (n,) band around ``other``.
        x_ticks, y_ticks: where numbers stand; the axes end at the first and the last.
        log: both axes show decades, and all values and ticks lie above 0.
    """

    title: str
    across: str
    x: Floats = field(repr=False)
    one: Floats = field(repr=False)
    other: Floats = field(repr=False)
    low: Floats = field(repr=False)
    high: Floats = field(repr=False)
    x_ticks: tuple[float, ...]
    y_ticks: tuple[float, ...]
    log: bool = False


def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Return the imaging library's own font, so that no other need be there."""
    return ImageFont.load_default(size)


def draw_chart(chart: Chart, width: int, height: int) -> Image.Image:
    """Draw a chart, (height, width) RGB."""
    large = Image.new("RGB", (width * FINE, height * FINE), PAPER)
    draw = ImageDraw.Draw(large)
    at = _places(chart, width * FINE, height * FINE)
    _axes(draw, chart, at, height * FINE)
    band = [*at(chart.x, chart.high), *at(chart.x[::-1], chart.low[::-1])]
    draw.polygon(band, fill=SHADE)
    dashed(draw, at(chart.x, chart.other), OTHER)
    draw.line(at(chart.x, chart.one), fill=ONE, width=2 * FINE, joint="curve")
    return large.resize((width, height), Image.Resampling.BOX)


Place = Callable[[Floats, Floats], list[tuple[float, float]]]


def _places(chart: Chart, width: int, height: int) -> Place:
    """Return what turns values into pixels of the large chart, kept between the axes."""
    scale: Callable[[Floats], Floats] = np.log10 if chart.log else np.asarray
    x0, x1, y0, y1 = (
        float(scale(np.array(tick)))
        for tick in (chart.x_ticks[0], chart.x_ticks[-1], chart.y_ticks[0], chart.y_ticks[-1])
    )
    left, right = LEFT * FINE, width - RIGHT * FINE
    top, bottom = TOP * FINE, height - BOTTOM * FINE

    def at(x: Floats, y: Floats) -> list[tuple[float, float]]:
        inside = (x >= chart.x_ticks[0]) & (x <= chart.x_ticks[-1]) & np.isfinite(y)
        across = left + (scale(x[inside]) - x0) / (x1 - x0) * (right - left)
        up = np.clip((scale(y[inside]) - y0) / (y1 - y0), 0, 1)
        return list(zip(across.tolist(), (bottom - up * (bottom - top)).tolist(), strict=True))

    return at


def _axes(draw: ImageDraw.ImageDraw, chart: Chart, at: Place, height: int) -> None:
    small, large = font(TEXT * FINE), font(TITLE * FINE)
    (x0, y0), (x1, _) = at(np.array(chart.x_ticks)[[0, -1]], np.array(chart.y_ticks)[[0, -1]])
    for tick in chart.y_ticks:
        ((_, y),) = at(np.array(chart.x_ticks[:1]), np.array([tick]))
        draw.line((x0, y, x1, y), fill=GRID, width=FINE)
        draw.text((x0 - 6 * FINE, y), f"{tick:g}", fill=FAINT, font=small, anchor="rm")
    for tick in chart.x_ticks:
        ((x, _),) = at(np.array([tick]), np.array(chart.y_ticks[:1]))
        draw.line((x, y0, x, y0 + 4 * FINE), fill=FAINT, width=FINE)
        draw.text((x, y0 + 6 * FINE), f"{tick:g}", fill=FAINT, font=small, anchor="mt")
    draw.line((x0, y0, x1, y0), fill=FAINT, width=FINE)
    draw.text((x0, 4 * FINE), chart.title, fill=INK, font=large, anchor="lt")
    draw.text(((x0 + x1) / 2, height - 2 * FINE), chart.across, fill=FAINT, font=small, anchor="mb")


def dashed(
    draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: Colour, fine: int = FINE
) -> None:
    """Draw a line of dashes through the points, ``fine`` times as thick and long as at the end."""
    path = np.array(points)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    for start in np.arange(0.0, along[-1], 2 * DASH * fine):
        end = min(start + DASH * fine, along[-1])
        inner = along[(along > start) & (along < end)]
        stops = np.concatenate([[start], inner, [end]])
        dash = zip(*(np.interp(stops, along, axis).tolist() for axis in path.T), strict=True)
        draw.line(list(dash), fill=colour, width=2 * fine, joint="curve")


def rounded(most: float, parts: int = 2) -> tuple[float, ...]:
    """Return ticks from 0 to a round number that is not below ``most``."""
    exponent = 10.0 ** math.floor(math.log10(most)) if most > 0 else 1.0
    top = next(step * exponent for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * exponent >= most * 0.999)
    return tuple(float(tick) for tick in np.linspace(0, top, parts + 1))
