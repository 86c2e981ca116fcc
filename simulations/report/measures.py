"""The measures of a summary as rows: before training, each site alone, and together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from isofed.errors import DataError
from isofed.simulations.report.words import number, part

ORDER = ("R1", "R5", "R10", "R20", "mAP", "mINP")
HEADLINE = ("mAP", "R1")
BOUND = " error"  # ends the name of what bounds another measure, where that is counted in bins
MEANING = {
    "R": "Rk: share of queries with a right picture among the first k hits",
    "mAP": "mAP: mean over queries of the average precision of the ranking",
    "mINP": "mINP: mean over queries of how early the last right picture is found",
}


@dataclass(frozen=True)
class Row:
    """One model: its name, ``before`` / ``alone`` / ``together``, fractions and their spread.

    Of the measures in ``lower`` a smaller one is the better.
    """

    name: str
    kind: str
    values: Mapping[str, float]
    spread: Mapping[str, float]
    lower: frozenset[str] = frozenset()


def numbers(values: object, where: str = "") -> dict[str, float]:
    """Return the fractions among ``values``; what is missing or not finite is left out.

    Raises:
        DataError: a number is no fraction from 0 to 1.
    """
    if not isinstance(values, Mapping):
        return {}
    found = {str(k): n for k, v in values.items() if (n := number(v)) is not None}
    for name, value in found.items():
        if not -1e-9 <= value <= 1 + 1e-9:
            raise DataError(
                f"{where}{name} is {value:g}; a report takes fractions from 0 to 1: divide per cent by 100."
            )
    return found


def model_rows(summary: Mapping[str, Any]) -> tuple[Row, ...]:
    """Return a row for the untrained model, for each site alone and for the federated model."""
    metrics, spread = part(summary, "metrics"), part(summary, "spread")
    plan = [("untrained", "before", metrics.get("untrained"), spread.get("untrained"))]
    for site, values in part(metrics, "alone").items():
        plan.append((site, "alone", values, part(spread, "alone").get(site)))
    plan.append(("federated", "together", metrics.get("federated"), spread.get("federated")))
    lower = frozenset(name for name, known in part(summary, "measures").items() if known.get("lower"))
    rows = (
        Row(str(n), kind, _sorted(numbers(v, f"metrics of {n}: "), summary), numbers(s), lower)
        for n, kind, v, s in plan
    )
    return tuple(row for row in rows if row.values)


def _sorted(values: Mapping[str, float], summary: Mapping[str, Any]) -> dict[str, float]:
    return {name: values[name] for name in in_order(values, summary)}


def in_order(names: Iterable[str], summary: Mapping[str, Any]) -> tuple[str, ...]:
    """Return measures in the order of the summary's task, and behind them those that it leaves out."""
    first = {name: place for place, name in enumerate(part(summary, "measures"))}
    return tuple(sorted(names, key=lambda name: first.get(name, len(first))))


def measure_names(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """Return the measures that any row has, the well-known ones first and in their usual order."""
    present = dict.fromkeys(name for row in rows for name in row.values)
    return tuple([n for n in ORDER if n in present] + [n for n in present if n not in ORDER])


def headline_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the one or two measures that stand at the top of the page."""
    return tuple(n for n in HEADLINE if n in names) or names[:2]


def meanings(names: tuple[str, ...], summary: Mapping[str, Any]) -> str:
    """Return what the measures mean, for those that are shown; a summary tells of its task's."""
    told = part(summary, "measures")
    if told:
        said = [str(told[name].get("meaning")) for name in names if name in told]
        bounded = [name for name in names if name.removesuffix(BOUND) != name]
        most = "the most by which {} may differ from the exact one"
        return "; ".join([*said, *(f"{name}: {most.format(name.removesuffix(BOUND))}" for name in bounded)])
    known = [MEANING["R"]] if any(n[:1] == "R" and n[1:].isdigit() for n in names) else []
    return "; ".join(known + [MEANING[n] for n in ("mAP", "mINP") if n in names])


def best_alone(rows: tuple[Row, ...], measure: str) -> Row | None:
    """Return the site that is best on its own, or None where no site was trained alone."""
    alone = [row for row in rows if row.kind == "alone" and measure in row.values]
    return max(alone, key=lambda row: row.values[measure] * (-1) ** (measure in row.lower), default=None)


def find(rows: tuple[Row, ...], kind: str, measure: str) -> Row | None:
    """Return the row of a kind that has the measure, or None."""
    return next((row for row in rows if row.kind == kind and measure in row.values), None)
