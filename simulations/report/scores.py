"""How comparisons fell out at every test set: DET curves, score histograms, and the measures of each."""

from collections.abc import Mapping, Sequence
from typing import Any

from isofed.simulations.report.det import Curve, det_chart
from isofed.simulations.report.heaps import Histogram, histogram, kinds
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import MISSING, number, part, percent

DET_NOTE = (
    "FAR: share of impostor comparisons that are accepted, FRR: share of genuine ones that are refused. "
    "Where a curve meets the dotted line both are equal, its EER; one that ends on the lower edge refuses "
    "nobody there. FARs at which fewer than ten impostors are expected to pass are left out."
)
SUMS = (
    "Histograms of the same model, each kind by itself. All is drawn from counts of comparisons "
    "by score, which add up over sites; single scores are not kept."
)


def scores(summary: Mapping[str, Any]) -> Raw | None:
    """Return curves, histograms and the table; None where nothing is compared by a score."""
    found = part(summary, "scores")
    curves = part(found, "curves")
    if not curves:
        return None
    det = det_chart("Federated model, last round", [curve(n, part(curves, n)) for n in curves], DET_NOTE)
    drawn = [heap(name, part(curves, name)) for name in curves]
    beside = el("div", *drawn[:2], el("div", kinds(), el("p", SUMS, class_="note")), class_="stack")
    pairs = [el("div", det, beside, class_="pair")]
    if drawn[2:]:
        pairs.append(el("div", *drawn[2:], class_="pair"))
    return join([*pairs, _table(found, tuple(curves))])


def curve(name: str, given: Mapping[str, Any]) -> Curve:
    """Return a DET curve of plain values, ``far`` and ``frr``."""
    return Curve(name, tuple(zip(given["far"], given["frr"], strict=True)))


def heap(name: str, given: Mapping[str, Any]) -> Raw:
    """Return the histogram of plain values."""
    return histogram(
        Histogram(name, given["edges"], given["genuine"], given["impostor"], number(given.get("threshold")))
    )


def _table(found: Mapping[str, Any], names: Sequence[str]) -> Raw:
    rows = part(found, "rows")
    told = {name for n in names for model in part(rows, n).values() for name in model}
    columns = [(name, fraction) for name, fraction in found.get("columns", ()) if name in told]
    body = [
        [name, model, *[cell(values.get(column), fraction) for column, fraction in columns]]
        for name in names
        for model, values in part(rows, name).items()
    ]
    heads = ("test set", "model", *(column for column, _ in columns))
    return table(
        Table("Every test set by itself, per cent; d' in standard deviations", heads, body, frozenset({0, 1}))
    )


def cell(value: object, fraction: bool) -> str:
    """Return a measure for a table: per cent, or as it is where it is no fraction."""
    if fraction:
        return percent(value)
    found = number(value)
    return MISSING if found is None else f"{found:.2f}"
