"""Every sensor by itself: a table, DET curves and score histograms."""

from collections.abc import Mapping
from typing import Any

from isofed.simulations.experiments.tables import pm
from isofed.simulations.experiments.vein.found import MEASURES, NAMES, SEPARATION
from isofed.simulations.experiments.vein.plans import FEDERATED, LOCAL, PRETRAINED, SCRATCH
from isofed.simulations.report.det import det_chart
from isofed.simulations.report.heaps import kinds
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.scores import curve, heap
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import MISSING, part

FIRST = (NAMES[SCRATCH, LOCAL], NAMES[PRETRAINED, FEDERATED])  # whose histograms stand beside the curves
NOTE = (
    "FAR: share of impostor comparisons that are accepted, FRR: share of genuine ones that are refused; "
    "where a curve meets the dotted line both are equal. FRR is a mean over seeds at each FAR, since no two "
    "models share a threshold; of an unseen sensor also over the sites that trained alone. Histograms count "
    "the comparisons of all seeds, each kind by itself. FARs at which fewer than ten impostors are expected "
    "to pass are left out."
)


def sensors(numbers: Mapping[str, Any]) -> Raw:
    """Return for each sensor the measures of every start and way, and what they come from."""
    shown = [_sensor(numbers, name) for name in numbers["sensors"]]
    return join([*shown, el("p", NOTE, class_="note")])


def _sensor(numbers: Mapping[str, Any], sensor: str) -> Raw:
    found = part(numbers, "scores", sensor)
    # in the table's order, so that a row has one colour on the whole page
    curves = {row["name"]: found[row["name"]] for row in numbers["rows"] if row["name"] in found}
    listed = table(Table(f"{sensor}, per cent; d' in standard deviations", _heads(), _rows(numbers, sensor)))
    if not curves:
        return el("div", listed, class_="block")
    det = det_chart(f"{sensor}, {len(numbers['seeds'])} seeds", [curve(row, curves[row]) for row in curves])
    drawn = {row: heap(row, curves[row]) for row in curves}
    beside = el("div", *(drawn[row] for row in FIRST if row in drawn), kinds(), class_="stack")
    others = [figure for row, figure in drawn.items() if row not in FIRST]
    more = el("details", el("summary", "Other histograms"), el("div", *others, class_="pair"))
    return el("div", listed, el("div", det, beside, class_="pair"), more if others else None, class_="block")


def _heads() -> tuple[str, ...]:
    return ("", *MEASURES, SEPARATION)


def _rows(numbers: Mapping[str, Any], sensor: str) -> list[list[str]]:
    rows = [(row["name"], part(row, "sensors", sensor)) for row in numbers["rows"]]
    return [
        [name, *(pm(found.get(measure)) for measure in MEASURES), _separation(found.get(SEPARATION))]
        for name, found in rows
    ]


def _separation(value: Mapping[str, Any] | None) -> str:
    if value is None:
        return MISSING
    return f"{value['mean']:.2f}" + ("" if value["half"] is None else f" ± {value['half']:.2f}")
