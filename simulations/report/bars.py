"""Horizontal bars with whiskers as inline SVG; every bar carries its number."""

from collections.abc import Sequence
from dataclasses import dataclass

from isofed.simulations.report.axes import Frame, decimals, ticks
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.words import percent_pm

ROW = 30
NAME_CHARACTERS = 15


@dataclass(frozen=True)
class Bar:
    """One bar: a fraction, its spread or None, and a kind that chooses the fill.

    ``kind`` is ``before`` (outlined), ``alone`` (muted) or ``together`` (full).
    """

    name: str
    value: float
    spread: float | None
    kind: str


def bar_chart(title: str, bars: Sequence[Bar]) -> Raw:
    """Return the figure of fractions drawn in per cent from 0, in the order given."""
    reach = [min(100.0, 100 * (bar.value + (bar.spread or 0))) for bar in bars]
    marks = ticks(0.0, max([1.0, *reach]))
    frame = Frame(0, marks[-1], 0, 1, left=124, right=372, top=6, bottom=6 + ROW * len(bars))
    spoken = "; ".join(f"{bar.name} {percent_pm(bar.value, bar.spread)}" for bar in bars)
    picture = el(
        "svg",
        el("title", f"{title}: {spoken}."),
        _grid(frame, marks),
        *[_bar(index, bar, frame) for index, bar in enumerate(bars)],
        class_="chart",
        viewBox=f"0 0 480 {frame.bottom + 28}",
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


def _bar(index: int, bar: Bar, frame: Frame) -> Raw:
    top = frame.top + ROW * index
    end = round(frame.x(100 * bar.value), 1)
    short = bar.name if len(bar.name) <= NAME_CHARACTERS else bar.name[: NAME_CHARACTERS - 1] + "…"
    shape = el("rect", x=frame.left, y=top + 6, width=round(end - frame.left, 1), height=ROW - 12, rx=2)
    label = el("text", short, x=frame.left - 10, y=top + 19.5, class_="name end")
    value = el("text", percent_pm(bar.value, bar.spread), x=478, y=top + 19.5, class_="value end")
    return el("g", label, shape, _whisker(bar, top + ROW / 2, frame), value, class_=f"bar {bar.kind}")


def _whisker(bar: Bar, middle: float, frame: Frame) -> Raw | None:
    if not bar.spread:
        return None
    low = round(frame.x(100 * max(0.0, bar.value - bar.spread)), 1)
    high = round(frame.x(100 * min(1.0, bar.value + bar.spread)), 1)
    caps = f"M{low} {middle - 4}v8M{low} {middle}H{high}M{high} {middle - 4}v8"
    # twice, the first time wider and in the colour of the paper: it shows on any fill
    return join([el("path", d=caps, class_="whisker under"), el("path", d=caps, class_="whisker")])
