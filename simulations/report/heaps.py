"""Score histograms as inline SVG: both kinds of comparisons over each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from isofed.simulations.report.axes import Frame, decimals, ticks
from isofed.simulations.report.charts import dash
from isofed.simulations.report.markup import Raw, el, join

KINDS = ("genuine", "impostor")


@dataclass(frozen=True)
class Histogram:
    """Comparisons by score: B + 1 rising edges of bins, B counts of each kind, a threshold to mark."""

    title: str
    edges: Sequence[float]
    genuine: Sequence[float]
    impostor: Sequence[float]
    threshold: float | None = None


def histogram(given: Histogram) -> Raw:
    """Return the figure: of both kinds of comparisons, how many of a hundred fall into each bin."""
    shares = [_percents(counts) for counts in (given.genuine, given.impostor)]
    filled = [n for n in range(len(given.genuine)) if any(part[n] for part in shares)]
    ends = (given.edges[filled[0]], given.edges[filled[-1] + 1]) if filled else (-1.0, 1.0)
    across, up = ticks(*ends, most=8), ticks(0.0, max([1.0, *(max(part) for part in shares)]), most=4)
    frame = Frame(across[0], across[-1], up[0], up[-1], top=36, bottom=156)
    middles = [_middle(given.edges, part) for part in shares]
    told = " and ".join(f"{kind} around {middle:.2f}" for kind, middle in zip(KINDS, middles, strict=True))
    picture = el(
        "svg",
        el("title", f"{given.title}: {told}."),
        _grid(frame, across, up),
        *[_area(n, given.edges, part, frame) for n, part in reversed(list(enumerate(shares)))],
        _threshold(given.threshold, frame),
        class_="chart",
        viewBox="0 0 480 196",
        role="img",
    )
    return el("figure", el("figcaption", given.title), picture)


def kinds() -> Raw:
    """Return the key of histograms."""
    items = []
    for index, kind in enumerate(KINDS):
        box = el("rect", x=1, y=1, width=32, height=12, class_=f"area c{index}", stroke_dasharray=dash(index))
        swatch = el("svg", box, viewBox="0 0 34 14", class_="swatch", aria_hidden="true")
        items.append(el("li", swatch, el("span", kind)))
    return el("ul", *items, class_="legend")


def _percents(counts: Sequence[float]) -> list[float]:
    whole = sum(counts) or 1
    return [100 * count / whole for count in counts]


def _middle(edges: Sequence[float], shares: Sequence[float]) -> float:
    whole = sum(shares) or 1
    bins = zip(edges, edges[1:], shares, strict=False)
    return sum((low + high) / 2 * share for low, high, share in bins) / whole


def _grid(frame: Frame, across: Sequence[float], up: Sequence[float]) -> Raw:
    rows = []
    for mark in up:
        at = round(frame.y(mark), 1)
        rows.append(el("line", x1=frame.left, x2=frame.right, y1=at, y2=at, class_="grid"))
        said = f"{mark:.{decimals(tuple(up))}f}"
        rows.append(el("text", said, x=frame.left - 8, y=at + 4, class_="tick end"))
    for mark in across:
        said = f"{mark:.{decimals(tuple(across))}f}".replace("-", "−")
        rows.append(el("text", said, x=round(frame.x(mark), 1), y=frame.bottom + 19, class_="tick middle"))
    rows.append(el("text", "per cent of its kind in a bin", x=2, y=13, class_="axis"))
    rows.append(el("text", "score", x=frame.right, y=frame.bottom + 36, class_="axis end"))
    return join(rows)


def _area(index: int, edges: Sequence[float], shares: Sequence[float], frame: Frame) -> Raw | None:
    filled = [n for n, share in enumerate(shares) if share]
    if not filled:
        return None
    steps = [
        f"V{frame.y(shares[n]):.1f}H{frame.x(edges[n + 1]):.1f}" for n in range(filled[0], filled[-1] + 1)
    ]
    outline = f"M{frame.x(edges[filled[0]]):.1f} {frame.bottom}{''.join(steps)}V{frame.bottom}z"
    return el("path", d=outline, class_=f"area c{index}", stroke_dasharray=dash(index))


def _threshold(threshold: float | None, frame: Frame) -> Raw | None:
    if threshold is None or not frame.x0 <= threshold <= frame.x1:
        return None
    at = round(frame.x(threshold), 1)
    right = at > (frame.left + frame.right) / 2
    line = el("line", x1=at, x2=at, y1=frame.top - 14, y2=frame.bottom, class_="rule")
    kind = f"tick halo{' end' if right else ''}"
    said = f"equal errors at {threshold:.2f}".replace("-", "−")
    return join([line, el("text", said, x=at - 5 if right else at + 5, y=frame.top - 4, class_=kind)])
