"""The parts of an evaluation, such as single classes, a row each."""

from collections.abc import Mapping
from typing import Any

from isofed.simulations.report.markup import Raw
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import part, percent

MODELS = {"untrained": "untrained", "alone": "alone, mean", "federated": "federated"}


def parts(summary: Mapping[str, Any]) -> Raw | None:
    """Return the first measures of every part before training, alone and federated; None without parts."""
    given = part(summary, "parts")
    rows = part(given, "rows")
    if not rows:
        return None
    there = [model for model in MODELS if any(part(rows, name, model) for name in rows)]
    cells = [(column, model) for column in given.get("columns", ()) for model in there]
    body = [[name, *[percent(part(rows, name, m).get(column)) for column, m in cells]] for name in rows]
    heads = ("part", *(f"{column}, {MODELS[model]}" for column, model in cells))
    return table(Table("Every part of the evaluation by itself, per cent", heads, body))
