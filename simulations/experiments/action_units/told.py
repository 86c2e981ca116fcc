"""How the action unit experiment is told; see experiments/shown.py."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from isofed.simulations.experiments import shown
from isofed.simulations.experiments.action_units.found import MEASURES, SIDE_BY_SIDE
from isofed.simulations.experiments.action_units.options import ActionUnitExperiment
from isofed.simulations.experiments.shown import Numbers, Sheet, Telling
from isofed.simulations.experiments.tables import pm
from isofed.tasks.action_units.layouts.databases import DATABASES


def lead(options: Mapping[str, Any]) -> str:
    """Return what was done in a sentence or two."""
    return (
        f"Six drawn databases of {options['subjects']} people, {options['clips']} clips of each, one after "
        "the other left out and tested: five that train together, pooled or alone, with infusion and "
        "magnified motion and without."
    )


def sheets(numbers: Numbers) -> Sequence[Sheet]:
    """Return the tables of every database that was left out, and of every unit."""
    folds = {DATABASES[key].title: rows for key, rows in numbers["folds"].items()}
    each = (("Left out", "database", folds), ("Every unit, all folds", "unit", numbers["units"]))
    return [
        Sheet(f"{title}: {name}", (f"{name}, by {word}", *SIDE_BY_SIDE), _rows(parts, name))
        for title, word, parts in each
        for name in MEASURES[:2]
    ]


def _rows(parts: Mapping[str, Any], name: str) -> list[list[str]]:
    return [[part, *(pm(rows[row][name]) for row in SIDE_BY_SIDE)] for part, rows in parts.items()]


TELLING = Telling(
    "action_units",
    "Action units: one of six databases left out",
    lead,
    ActionUnitExperiment,
    MEASURES,
    sheets,
)
text, page, written, command = (
    partial(form, TELLING) for form in (shown.text, shown.page, shown.written, shown.command)
)
