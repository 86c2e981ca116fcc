"""Who holds what: for each site a bar of its samples, stacked by label, as inline SVG."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from isofed.simulations.report.axes import Frame, ticks
from isofed.simulations.report.charts import COLOURS
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.sites import named
from isofed.simulations.report.words import integer, number, part, plural, text

ROW, BAR, LEFT, RIGHT, TOP = 26, 18, 124, 410, 6
LONGEST = 15


def holdings(summary: Mapping[str, Any]) -> Raw | None:
    """Return the picture and what it shows; None where nobody counted."""
    found = part(summary, "holdings")
    sites = {str(site): [round(number(n) or 0) for n in row] for site, row in part(found, "sites").items()}
    if not any(map(sum, sites.values())):
        return None
    sample, label = named(summary)["images"], named(summary)["identities"]
    title = f"{plural(sample).capitalize()} of each site, by {label}"
    groups = len(next(iter(sites.values())))
    return join(
        [
            el("figure", el("figcaption", title), _picture(title, sites)),
            el("p", _note(found, groups, label, part(summary, "partition")), class_="note"),
        ]
    )


def _note(found: Mapping[str, Any], groups: int, label: str, divided: Mapping[str, Any]) -> str:
    labels = round(number(found.get("labels")) or 0)
    many = (
        f"{labels} {plural(label)}, each a piece of its own"
        if groups == labels
        else (f"{labels} {plural(label)} in {groups} groups of neighbouring numbers")
    )
    said = [f"From left to right: {many}; colours repeat after {COLOURS}."]
    if found.get("own"):
        said.append("Every site numbers its own: the same place is not the same in two bars.")
    if divided:
        numbers = ", ".join(f"{key} {text(value)}" for key, value in divided.items() if key != "partition")
        said.append(
            f"The clients are virtual: samples were dealt anew by “{divided.get('partition')}” ({numbers}); "
            "no owner of such data exists."
        )
    return " ".join(said)


def _picture(title: str, sites: Mapping[str, Sequence[int]]) -> Raw:
    marks = ticks(0.0, float(max(map(sum, sites.values()))))
    bottom = TOP + ROW * len(sites)
    frame = Frame(0, marks[-1], 0, 1, left=LEFT, right=RIGHT, top=TOP, bottom=bottom)
    spoken = "; ".join(f"{site} {sum(row)}" for site, row in sites.items())
    return el(
        "svg",
        el("title", f"{title}: {spoken}."),
        *[_mark(frame, mark) for mark in marks],
        *[_bar(frame, TOP + ROW * place, site, row) for place, (site, row) in enumerate(sites.items())],
        class_="chart",
        viewBox=f"0 0 480 {bottom + 28:g}",
        role="img",
    )


def _mark(frame: Frame, mark: float) -> Raw:
    at = round(frame.x(mark), 1)
    line = el("line", x1=at, x2=at, y1=frame.top, y2=frame.bottom, class_="grid")
    return join([line, el("text", integer(mark), x=at, y=frame.bottom + 19, class_="tick middle")])


def _bar(frame: Frame, top: float, site: str, row: Sequence[int]) -> Raw:
    short = site if len(site) <= LONGEST else site[: LONGEST - 1] + "…"
    ends = [0, *accumulate(row)]
    pieces = [
        _piece(frame, top + 4, (ends[place], ends[place + 1]), place)
        for place, held in enumerate(row)
        if held
    ]
    name = el("text", short, x=LEFT - 10, y=top + 17.5, class_="name end")
    return el("g", name, *pieces, el("text", integer(ends[-1]), x=478, y=top + 17.5, class_="value end"))


def _piece(frame: Frame, top: float, reach: tuple[int, int], place: int) -> Raw:
    begin, end = frame.x(reach[0]), frame.x(reach[1])
    # a gap between neighbours, so that pieces can be told apart without colours
    width = round(max(0.4, end - begin - 0.6), 2)
    return el(
        "rect",
        x=round(begin, 2),
        y=top,
        width=width,
        height=BAR,
        class_=f"c{place % COLOURS}",
        style="fill: var(--c)",
    )
