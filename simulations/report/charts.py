"""Line charts as inline SVG: series differ by colour, by dashes and by marker."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isofed.simulations.report.axes import Frame, decimals, round_ticks, ticks
from isofed.simulations.report.markup import Raw, el, join

COLOURS = 8
DASHES = (None, "7 3", "2 3", "9 3 2 3", "12 4", "5 2 1 2 1 2", "4 4")
# each marker is a path around (0, 0), 4 units in radius
MARKERS = (
    "M-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0z",
    "M-3-3h6v6h-6z",
    "M0-4.2L4 3H-4z",
    "M0-4.4L4.4 0L0 4.4L-4.4 0z",
    "M0 4.2L4-3H-4z",
    "M-1.3-4h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7v-2.6h2.7z",
    "M-3.8-1.4L0-4.2L3.8-1.4L2.4 3.4H-2.4z",
    "M-4.2-1.8h8.4v3.6h-8.4z",
)
MARKS_PER_LINE = 24


@dataclass(frozen=True)
class Series:
    """One line: its name and its (round, value) points, rounds rising.

    ``band`` is how far the shade around each point reaches to either side; empty for none.
    """

    name: str
    points: tuple[tuple[int, float], ...]
    band: tuple[float, ...] = ()

    def edges(self, floor: float) -> list[tuple[int, float]]:
        """Return the outline of the shade: forth along its upper side, back along its lower."""
        ends = list(zip(self.points, self.band, strict=False))
        upper = [(x, y + half) for (x, y), half in ends]
        return upper + [(x, max(y - half, floor)) for (x, y), half in reversed(ends)]


@dataclass(frozen=True)
class Rule:
    """A level line across the chart to compare with."""

    name: str
    y: float


@dataclass(frozen=True)
class Plot:
    """A line chart over rounds: what it shows, its lines, and how a value is read out.

    ``from_zero`` starts the vertical axis at 0; without it the axis fits the values.
    """

    title: str
    unit: str
    series: tuple[Series, ...]
    read: Callable[[float], str]
    rules: tuple[Rule, ...] = ()
    from_zero: bool = True
    note: str | None = None

    @property
    def floor(self) -> float:
        """Return what no shade reaches below."""
        return 0.0 if self.from_zero else -math.inf


def line_chart(plot: Plot) -> Raw:
    """Return the figure: heading, SVG, legend where there are several lines, and the note."""
    rounds = [x for line in plot.series for x, _ in line.points]
    heights = [y for line in plot.series for _, y in (*line.points, *line.edges(plot.floor))]
    heights += [rule.y for rule in plot.rules]
    marks = ticks(min([0.0, *heights] if plot.from_zero else heights), max(heights))
    frame = Frame(min(rounds), max(rounds), marks[0], marks[-1])
    lines = [_line(index, line, plot, frame) for index, line in enumerate(plot.series)]
    picture = el(
        "svg",
        el("title", _spoken(plot)),
        _grid(frame, marks, plot.unit),
        *[_rule(rule, frame) for rule in plot.rules],
        *lines,
        class_="chart lines",
        viewBox="0 0 480 272",
        role="img",
    )
    named = legend([(line.name, bool(line.points)) for line in plot.series])
    note = el("p", plot.note, class_="note") if plot.note else None
    return el("figure", el("figcaption", plot.title), picture, named if len(plot.series) > 1 else None, note)


def _spoken(plot: Plot) -> str:
    """Return the chart in one sentence, for readers who hear it."""
    drawn = [s for s in plot.series if s.points]
    ends = [f"{s.name} from {plot.read(s.points[0][1])} to {plot.read(s.points[-1][1])}" for s in drawn]
    return f"{plot.title}: " + "; ".join(ends) + "."


def _grid(frame: Frame, marks: Sequence[float], unit: str) -> Raw:
    places = decimals(tuple(marks))
    rows = []
    for mark in marks:
        at = round(frame.y(mark), 1)
        rows.append(el("line", x1=frame.left, x2=frame.right, y1=at, y2=at, class_="grid"))
        rows.append(el("text", f"{mark:.{places}f}", x=frame.left - 8, y=at + 4, class_="tick end"))
    for mark in round_ticks(int(frame.x0), int(frame.x1)):
        at = round(frame.x(mark), 1)
        rows.append(el("text", mark, x=at, y=frame.bottom + 19, class_="tick middle"))
    rows.append(el("text", unit, x=2, y=13, class_="axis"))
    rows.append(el("text", "round", x=frame.right, y=frame.bottom + 37, class_="axis end"))
    return join(rows)


def _rule(rule: Rule, frame: Frame) -> Raw:
    at = round(frame.y(rule.y), 1)
    line = el("line", x1=frame.left, x2=frame.right, y1=at, y2=at, class_="rule")
    return join([line, el("text", rule.name, x=frame.right, y=at - 5, class_="tick end halo")])


def _line(index: int, line: Series, plot: Plot, frame: Frame) -> Raw:
    places = [(round(frame.x(x), 1), round(frame.y(y), 1)) for x, y in line.points]
    halves = [f" ± {plot.read(half)}" for half in line.band] or [""] * len(places)
    reads = [
        f"{line.name}, round {x}: {plot.read(y)}{half}"
        for (x, y), half in zip(line.points, halves, strict=True)
    ]
    # markers of neighbouring lines are staggered, so that long runs stay readable
    every = -(-len(places) // MARKS_PER_LINE)
    marks = [
        marker(index, at, label)
        for n, (at, label) in enumerate(zip(places, reads, strict=True))
        if n % every == index % every or n == len(places) - 1
    ]
    path = el("polyline", points=joined(places), stroke_dasharray=dash(index))
    kind = f"series c{index % COLOURS}"
    shade = _shade(line, plot, frame)
    return el("g", shade, path, *marks, class_=kind, data_series=index, data_reads="\n".join(reads))


def joined(places: Sequence[tuple[float, float]]) -> str:
    """Return places on the paper as a polyline has them."""
    return " ".join(f"{x},{y}" for x, y in places)


def _shade(line: Series, plot: Plot, frame: Frame) -> Raw | None:
    edges = [(round(frame.x(x), 1), round(frame.y(y), 1)) for x, y in line.edges(plot.floor)]
    return el("polygon", points=joined(edges), class_="band") if edges else None


def dash(index: int) -> str | None:
    """Return the dashes of a line by its number."""
    return DASHES[index % len(DASHES)]


def marker(index: int, at: tuple[float, float], label: str | None = None) -> Raw:
    """Return the mark of a line by its number; ``label`` is read out for it."""
    shape = el("path", d=MARKERS[index % len(MARKERS)], transform=f"translate({at[0]} {at[1]})")
    return shape if label is None else el("g", el("title", label), shape)


def legend(lines: Sequence[tuple[str, bool]]) -> Raw:
    """Return the key of lines: (name, whether it is drawn), in the order of their looks."""
    items = []
    for index, (name, drawn) in enumerate(lines):
        if not drawn:
            continue
        stroke = el("line", x1=1, x2=33, y1=7, y2=7, stroke_dasharray=dash(index))
        sample = el("g", stroke, marker(index, (17, 7)), class_=f"series c{index % COLOURS}")
        swatch = el("svg", sample, viewBox="0 0 34 14", class_="swatch", aria_hidden="true")
        items.append(el("li", swatch, el("span", name), data_series=index))
    return el("ul", *items, class_="legend")
