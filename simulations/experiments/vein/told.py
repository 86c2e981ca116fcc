"""The experiment's numbers as text for a terminal."""

from collections.abc import Mapping
from typing import Any

from isofed.simulations.experiments.tables import expected, gain, lines, pm
from isofed.simulations.report.words import MISSING, duration, points


def text(numbers: Mapping[str, Any]) -> str:
    """Return rows in per cent, gains in points and per cent, and each expectation with whether it holds."""
    blocks = [lines(heads(numbers), rows(numbers)), lines(GAINS, gains(numbers)), list(expected(numbers))]
    took = f"{duration(numbers['seconds'])}; intervals of 95 %: {numbers['formula']}"
    return "\n\n".join(["\n".join(block) for block in blocks] + [took])


GAINS = ("gain, seed by seed", "measure", "points", "relative, %")


def heads(numbers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the heads of the table of levels."""
    return (
        "per cent",
        *(f"{name}{', unseen' if where == 'unseen' else ''}" for where, name in _columns(numbers)),
    )


def rows(numbers: Mapping[str, Any]) -> list[list[str]]:
    """Return each start and way with its means and intervals."""
    columns = _columns(numbers)
    return [[row["name"], *(pm(row[where].get(name)) for where, name in columns)] for row in numbers["rows"]]


def gains(numbers: Mapping[str, Any]) -> list[list[str]]:
    """Return what each difference is, absolute with its interval, and relative to the base's mean."""
    return [
        [
            d["what"],
            f"{d['measure']}{', unseen' if d['where'] == 'unseen' else ''}",
            gain(d["absolute"]),
            MISSING if d["relative"] is None else points(d["relative"]),
        ]
        for d in compared(numbers)
    ]


def compared(numbers: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the differences that a table shows."""
    return [d for d in numbers["differences"] if d["measure"] != "rank-1"]


def _columns(numbers: Mapping[str, Any]) -> list[tuple[str, str]]:
    row = numbers["rows"][0]
    return [
        (where, name)
        for where in ("seen", "unseen")
        for name in row[where]
        if where == "seen" or name == "EER"
    ]
