"""The figure: published and drawn pictures side by side, and the curves of both below."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from isofed.tasks.vein.realism.compare import Curve, Group
from isofed.tasks.vein.realism.levels import LEVELS
from isofed.tasks.vein.realism.numbers import WIDTHS
from isofed.tasks.vein.realism.picture import Picture
from isofed.tasks.vein.realism.plot import (
    FAINT,
    INK,
    ONE,
    OTHER,
    PAPER,
    SHADE,
    Chart,
    dashed,
    draw_chart,
    font,
    rounded,
)
from isofed.tasks.vein.realism.ridges import BINS, TOP
from isofed.tasks.vein.realism.spectrum import frequencies
from isofed.tasks.vein.realism.vessels import REACH

Floats = NDArray[np.float64]
GAIN = 1.6  # on the brightness of what is shown: the pictures are dark
COARSE = 3  # grey levels shown as one: nobody sees it, and the file is much smaller
WIDE, HIGH = 396, 198  # of a picture in the figure, pixels
GAP, LINE = 8, 26  # between pictures, and height of a line of text
CHART = 236  # height of a chart
ACROSS = 3  # pictures and charts side by side


def figure(published: Sequence[Picture], drawn: Sequence[Sequence[Picture]], group: Group) -> Image.Image:
    """Lay out the figure.

    Args:
        published: up to three pictures.
        drawn: rows of as many, each below the one of its kind.
        group: whose curves are shown.
    """
    rows: list[tuple[str, Sequence[Picture]]] = [("published", published)]
    rows += [("drawn here" if not n else "", row) for n, row in enumerate(drawn)]
    parts = [_row(title, pictures) for title, pictures in rows]
    parts += [_legend(group), *(_charts(shown) for shown in _three(charts(group)))]
    whole = Image.new("RGB", (ACROSS * (WIDE + GAP) + GAP, sum(part.height for part in parts)), PAPER)
    top = 0
    for part in parts:
        whole.paste(part, (0, top))
        top += part.height
    return whole


def _row(title: str, pictures: Sequence[Picture]) -> Image.Image:
    first = LINE if title else 0
    row = Image.new("RGB", (ACROSS * (WIDE + GAP) + GAP, first + HIGH + GAP), PAPER)
    draw = ImageDraw.Draw(row)
    for n, picture in enumerate(pictures):
        left = GAP + n * (WIDE + GAP)
        row.paste(thumb(picture), (left, first))
        if title:
            draw.text((left, first - 6), f"{title}: {picture.kind}", fill=INK, font=font(14), anchor="ls")
    return row


def thumb(picture: Picture) -> Image.Image:
    """Return a picture as the figure shows it: brighter, and smaller."""
    bright = np.minimum(picture.image * GAIN, LEVELS - 1).astype(np.uint8)
    small = np.asarray(Image.fromarray(bright).resize((WIDE, HIGH), Image.Resampling.BOX))
    return Image.fromarray(small // COARSE * COARSE).convert("RGB")


def _legend(group: Group) -> Image.Image:
    legend = Image.new("RGB", (ACROSS * (WIDE + GAP) + GAP, LINE + 10), PAPER)
    draw = ImageDraw.Draw(legend)
    y, small = 18, font(14)
    draw.line((GAP, y, GAP + 40, y), fill=ONE, width=2)
    draw.text((GAP + 48, y), f"published ({_counted(group.published)})", fill=INK, font=small, anchor="lm")
    draw.rectangle((410, y - 8, 450, y + 8), fill=SHADE)
    dashed(draw, [(410, y), (450, y)], OTHER, 1)
    words = f"drawn here ({_counted(group.drawn)}); the band holds 90 % of the fingers"
    draw.text((458, y), words, fill=INK, font=small, anchor="lm")
    draw.text((legend.width - GAP, y), f"brightness shown x {GAIN:g}", fill=FAINT, font=small, anchor="rm")
    return legend


def _counted(counts: tuple[int, int]) -> str:
    pictures, fingers = counts
    return f"{pictures} pictures of {fingers} finger{'s' if fingers != 1 else ''}"


def _three(shown: Sequence[Chart]) -> list[Sequence[Chart]]:
    return [shown[n : n + ACROSS] for n in range(0, len(shown), ACROSS)]


def _charts(shown: Sequence[Chart]) -> Image.Image:
    row = Image.new("RGB", (ACROSS * (WIDE + GAP) + GAP, CHART + GAP), PAPER)
    for n, chart in enumerate(shown):
        row.paste(draw_chart(chart, WIDE, CHART), (GAP + n * (WIDE + GAP), 0))
    return row


def charts(group: Group) -> list[Chart]:
    """Return the six charts of a group."""
    curves, level = group.curves, np.arange(LEVELS, dtype=np.float64)
    answer = (np.arange(BINS) + 0.5) * TOP / BINS
    return [
        _shares(curves["inside"], "Grey levels in the finger", "level", level, (0, 50, 100, 150, 200)),
        _shares(curves["beside"], "Grey levels beside the finger", "level", level, (0, 20, 40, 60, 80)),
        _shares(curves["widths"], "Vein width", "pixels", WIDTHS[:-1] + 1, (2, 4, 6, 8, 10, 12, 14, 16)),
        _dip(curves),
        _spectrum(curves),
        _shares(
            curves["ridge_vein"], "Ridge filter's answer on veins", "share of the brightness", answer,
            (0, 0.1, 0.2, 0.3),
        ),
    ]  # fmt: skip


def _shares(curve: Curve, title: str, across: str, x: Floats, ticks: tuple[float, ...]) -> Chart:
    one, other, low, high = _lines(curve)
    most = max(float(line[1:-1].max()) for line in (one, other, high))
    return Chart(f"{title}, share", across, x, one, other, low, high, ticks, rounded(most))


def _dip(curves: Mapping[str, Curve]) -> Chart:
    lines = _lines(curves["dip"])
    x, ticks = np.arange(REACH, dtype=np.float64), (0, 2, 4, 6, 8, 10, 12)
    title, across = "Brightness over surround, across a vein", "pixels from the centreline"
    return Chart(title, across, x, *lines, ticks, (0.7, 0.8, 0.9, 1.0, 1.1))


def _spectrum(curves: Mapping[str, Curve]) -> Chart:
    one, other, low, high = _lines(curves["spectrum"])
    title, ticks = "Power of relative brightness", (1e-4, 1e-2, 1.0, 1e2, 1e4)
    decades = (0.005, 0.02, 0.1, 0.5)
    return Chart(title, "periods a pixel", frequencies(), one, other, low, high, decades, ticks, log=True)


def _lines(curve: Curve) -> tuple[Floats, Floats, Floats, Floats]:
    """Return means of both sets, and the 5 % and 95 % points over the drawn fingers."""
    low, high = np.nanpercentile(curve.drawn, (5, 95), axis=0)
    return np.nanmean(curve.published, axis=0), np.nanmean(curve.drawn, axis=0), low, high
