"""How much the draw of the gallery moves a measure: every draw of every model, as a strip of dots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import Any

from isofed.simulations.report.axes import Frame, decimals, ticks
from isofed.simulations.report.bars import NAME_CHARACTERS
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.measures import headline_names, measure_names, model_rows
from isofed.simulations.report.words import number, part, percent, several

ROW = 30
NOTE = (
    "One dot is one draw of the same model, the box holds the middle half of the draws, the line in it is "
    "their mean. Axes begin near the lowest value, not at 0."
)


@dataclass(frozen=True)
class Strip:
    """One model: its name, its kind (``before``, ``alone``, ``together``) and its value in every draw."""

    name: str
    kind: str
    values: tuple[float, ...]

    @property
    def box(self) -> tuple[float, float]:
        """The quartiles."""
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return low, high


def draws(summary: Mapping[str, Any]) -> Raw | None:
    """Return a chart for each of the first measures; None where no model was measured twice."""
    names = headline_names(measure_names(model_rows(summary)))
    shown = {name: found for name in names if (found := strips(summary, name))}
    charts = [strip_chart(f"{name} in every draw, per cent", found) for name, found in shown.items()]
    if not charts:
        return None
    most = max(len(strip.values) for found in shown.values() for strip in found)
    note = el("p", f"{several(most, 'draw').capitalize()} of the test. {NOTE}", class_="note")
    return join([el("div", *charts, class_="pair"), note])


def strips(summary: Mapping[str, Any], measure: str) -> list[Strip]:
    """Return the models that were measured in two draws or more."""
    given = part(summary, "draws")
    plan: list[tuple[str, str, object]] = [("untrained", "before", given.get("untrained"))]
    plan += [(f"{site} alone", "alone", found) for site, found in part(given, "alone").items()]
    plan.append(("federated", "together", given.get("federated")))
    read = ((name, kind, _finite(part(found).get(measure))) for name, kind, found in plan)
    return [Strip(name, kind, values) for name, kind, values in read if len(values) > 1]


def _finite(values: object) -> tuple[float, ...]:
    given = values if isinstance(values, list | tuple) else ()
    return tuple(100 * found for value in given if (found := number(value)) is not None)


def strip_chart(title: str, found: Sequence[Strip]) -> Raw:
    """Return the figure; values are in per cent."""
    every = [value for strip in found for value in strip.values]
    marks = ticks(min(every), max(every))
    frame = Frame(marks[0], marks[-1], 0, 1, left=124, right=372, top=6, bottom=6 + ROW * len(found))
    ends = (f"{s.name} from {min(s.values):.1f} to {max(s.values):.1f}" for s in found)
    picture = el(
        "svg",
        el("title", f"{title}: {'; '.join(ends)}."),
        _grid(frame, marks),
        *[_strip(6 + ROW * index, strip, frame) for index, strip in enumerate(found)],
        class_="chart",
        viewBox=f"0 0 480 {frame.bottom + 28:g}",
        role="img",
    )
    return el("figure", el("figcaption", title), picture)


def _grid(frame: Frame, marks: Sequence[float]) -> Raw:
    places = decimals(tuple(marks))
    rows = []
    for mark in marks:
        at = round(frame.x(mark), 1)
        rows.append(el("line", x1=at, x2=at, y1=frame.top, y2=frame.bottom, class_="grid"))
        rows.append(el("text", f"{mark:.{places}f}", x=at, y=frame.bottom + 19, class_="tick middle"))
    return join(rows)


def _strip(top: float, strip: Strip, frame: Frame) -> Raw:
    low, high = (round(frame.x(value), 1) for value in strip.box)
    middle, mean = top + ROW / 2, round(frame.x(fmean(strip.values)), 1)
    short = strip.name if len(strip.name) <= NAME_CHARACTERS else strip.name[: NAME_CHARACTERS - 1] + "…"
    ends = f"{percent(min(strip.values) / 100)} – {percent(max(strip.values) / 100)}"
    return el(
        "g",
        el("text", short, x=frame.left - 10, y=top + 19.5, class_="name end"),
        el("rect", x=low, y=middle - 9, width=round(max(high - low, 1), 1), height=18, rx=2),
        # spread a little in height, always the same way, so that equal draws are seen to be several
        *[
            el("circle", cx=round(frame.x(value), 1), cy=middle + (n % 3 - 1) * 5, r=2.6)
            for n, value in enumerate(strip.values)
        ],
        el("line", x1=mean, x2=mean, y1=middle - 11, y2=middle + 11, class_="mean"),
        el("text", ends, x=478, y=top + 19.5, class_="value end"),
        class_=f"bar draw {strip.kind}",
    )
