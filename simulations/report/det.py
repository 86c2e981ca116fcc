"""DET curves as inline SVG: both errors on axes on which normal distributions give straight lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from isofed.simulations.report.axes import Frame
from isofed.simulations.report.charts import COLOURS, dash, joined, legend, marker
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.words import percent

SHARES = (1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8)  # that are marked on an axis
LOWEST, HIGHEST = SHARES[:3], (0.5, 0.9)  # where an axis may begin and end
POOR = 0.25  # an EER with which it reaches to the higher end
SPARE = 1.25
MARKS = 7  # on a curve


@dataclass(frozen=True)
class Curve:
    """One system: its name, and (FAR, FRR) points, shares from 0 to 1, FAR rising."""

    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def equal(self) -> float:
        """About where both errors are equal: what decides how far the axes reach."""
        return min((max(point) for point in self.points), default=0.0)


def det_chart(title: str, curves: Sequence[Curve], note: str | None = None) -> Raw:
    """Return the figure: FRR over FAR, both on the axis on which a normal distribution's shares are even.

    Source: Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    low = max((s for s in LOWEST if s <= _first(curves)), default=LOWEST[0])
    high = HIGHEST[max((curve.equal for curve in curves), default=0.0) > POOR]
    ends = _z(low), _z(high)
    frame = Frame(*ends, *ends, bottom=390)
    picture = el(
        "svg",
        el("title", f"{title}: {'; '.join(_spoken(curve) for curve in curves)}."),
        _det_grid(frame, [share for share in SHARES if low <= share <= high]),
        *[_curve(index, curve, frame, (low, high)) for index, curve in enumerate(curves)],
        class_="chart lines",
        viewBox="0 0 480 430",
        role="img",
    )
    key = legend([(curve.name, bool(curve.points)) for curve in curves])
    return el("figure", el("figcaption", title), picture, key, el("p", note, class_="note") if note else None)


def _first(curves: Sequence[Curve]) -> float:
    # a point or two may be cut off by the end of the axis: a whole decade more would stand empty
    return SPARE * min((curve.points[0][0] for curve in curves if curve.points), default=LOWEST[0])


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _spoken(curve: Curve) -> str:
    return f"{curve.name}, equal errors near {percent(curve.equal)} per cent"


def _det_grid(frame: Frame, shares: Sequence[float]) -> Raw:
    rows = []
    for share in shares:
        across, up, said = round(frame.x(_z(share)), 1), round(frame.y(_z(share)), 1), f"{100 * share:g}"
        rows.append(el("line", x1=frame.left, x2=frame.right, y1=up, y2=up, class_="grid"))
        rows.append(el("line", x1=across, x2=across, y1=frame.top, y2=frame.bottom, class_="grid"))
        rows.append(el("text", said, x=frame.left - 8, y=up + 4, class_="tick end"))
        rows.append(el("text", said, x=across, y=frame.bottom + 19, class_="tick middle"))
    equal = {"x1": frame.left, "y1": frame.bottom, "x2": frame.right, "y2": frame.top}
    rows.append(el("line", **equal, class_="rule"))
    rows.append(el("text", "FRR, per cent", x=2, y=13, class_="axis"))
    rows.append(el("text", "FAR, per cent", x=frame.right, y=frame.bottom + 37, class_="axis end"))
    return join(rows)


def _curve(index: int, curve: Curve, frame: Frame, ends: tuple[float, float]) -> Raw:
    shown = _within(curve.points, *ends)
    places = [tuple(round(at, 1) for at in (frame.x(_z(far)), frame.y(_z(frr)))) for _, (far, frr) in shown]
    reads = [f"{curve.name}: FRR {_read(frr)} at FAR {_read(far)}" for (far, frr), _ in shown]
    every = -(-len(places) // MARKS)
    # staggered, so that curves that lie on each other can be told
    marks = [
        marker(index, (place[0], place[1]), read)
        for n, (place, read) in enumerate(zip(places, reads, strict=True))
        if n % every == index * 2 % every
    ]
    path = el("polyline", points=joined([(x, y) for x, y in places]), stroke_dasharray=dash(index))
    kind = f"series c{index % COLOURS}"
    return el("g", path, *marks, class_=kind, data_series=index, data_reads="\n".join(reads))


def _read(share: float) -> str:
    return f"{percent(share, 2)} %"


Point = tuple[float, float]


def _within(points: Sequence[Point], low: float, high: float) -> list[tuple[Point, Point]]:
    """Return (point, where it is drawn) inside the axes, and of those outside the first on either side,

    which is drawn on the edge.
    """
    known = [point for point in points if low * (1 - 1e-9) <= point[0] <= high]
    above = [point for point in known if point[1] > high][-1:]
    inside = [point for point in known if low <= point[1] <= high]
    below = [point for point in known if point[1] < low][:1]
    cut = [tuple(min(max(share, low), high) for share in point) for point in (*above, *inside, *below)]
    return [(point, (at[0], at[1])) for point, at in zip((*above, *inside, *below), cut, strict=True)]
