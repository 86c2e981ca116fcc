"""Horizontal bars with whiskers as inline SVG; every bar carries its number."""

from collections.abc import Sequence
from dataclasses import dataclass

from isofed.simulations.report.axes import Frame, decimals, ticks
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.words import percent_pm

ROW, BAR = 30, 18
NAME_CHARACTERS, LONG_CHARACTERS = 15, 62


@dataclass(frozen=True)
class Bar:
    """One bar: a fraction, its spread or None, and a kind that chooses the fill.

    ``kind`` is ``before`` (outlined), ``alone`` (muted), ``together`` (full), or ``c0`` to ``c7``: the
    colour of the line of that number in a line chart.
    """

    name: str
    value: float
    spread: float | None
    kind: str


@dataclass(frozen=True)
class _Rows:
    """How high a row is, where its bar begins in it, and the height at which its name stands."""

    height: float
    bar: float
    name: float
    left: float
    longest: int


BESIDE = _Rows(ROW, 6, 19.5, 124, NAME_CHARACTERS)
ABOVE = _Rows(46, 22, 15, 2, LONG_CHARACTERS)


def bar_chart(title: str, bars: Sequence[Bar], long_names: bool = False) -> Raw:
    """Return the figure of fractions drawn in per cent from 0, in the order given.

    ``long_names`` puts every name above its bar instead of beside it.
    """
    rows = ABOVE if long_names else BESIDE
    reach = [min(100.0, 100 * (bar.value + (bar.spread or 0))) for bar in bars]
    marks = ticks(0.0, max([1.0, *reach]))
    bottom = 6 + rows.height * len(bars)
    frame = Frame(0, marks[-1], 0, 1, left=rows.left, right=372, top=6, bottom=bottom)
    spoken = "; ".join(f"{bar.name} {percent_pm(bar.value, bar.spread)}" for bar in bars)
    picture = el(
        "svg",
        el("title", f"{title}: {spoken}."),
        _grid(frame, marks),
        *[_bar(6 + rows.height * index, bar, frame, rows) for index, bar in enumerate(bars)],
        class_="chart",
        viewBox=f"0 0 480 {bottom + 28:g}",
        role="img",
    )
    return el("figure", el("figcaption", title), picture)


def _grid(frame: Frame, marks: tuple[float, ...]) -> Raw:
    places = decimals(marks)
    rows = []
    for mark in marks:
        at = round(frame.x(mark), 1)
        rows.append(el("line", x1=at, x2=at, y1=frame.top, y2=frame.bottom, class_="grid"))
        rows.append(el("text", f"{mark:.{places}f}", x=at, y=frame.bottom + 19, class_="tick middle"))
    return join(rows)


def _bar(top: float, bar: Bar, frame: Frame, rows: _Rows) -> Raw:
    end = round(frame.x(100 * bar.value), 1)
    short = bar.name if len(bar.name) <= rows.longest else bar.name[: rows.longest - 1] + "…"
    shape = el("rect", x=frame.left, y=top + rows.bar, width=round(end - frame.left, 1), height=BAR, rx=2)
    beside = rows is BESIDE
    at = frame.left - 10 if beside else frame.left
    label = el("text", short, x=at, y=top + rows.name, class_="name end" if beside else "name halo")
    value = el("text", percent_pm(bar.value, bar.spread), x=478, y=top + rows.bar + 13.5, class_="value end")
    whisker = _whisker(bar, top + rows.bar + BAR / 2, frame)
    return el("g", label, shape, whisker, value, class_=f"bar {bar.kind}")


def _whisker(bar: Bar, middle: float, frame: Frame) -> Raw | None:
    if not bar.spread:
        return None
    low = round(frame.x(100 * max(0.0, bar.value - bar.spread)), 1)
    high = round(frame.x(100 * min(1.0, bar.value + bar.spread)), 1)
    caps = f"M{low} {middle - 4}v8M{low} {middle}H{high}M{high} {middle - 4}v8"
    # twice, the first time wider and in the colour of the paper: it shows on any fill
    return join([el("path", d=caps, class_="whisker under"), el("path", d=caps, class_="whisker")])
