"""What experiments print alike: means with intervals, tables, expectations and whether they hold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isofed.simulations.report.words import MISSING, percent, points


def expected(numbers: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each expectation."""
    for verdict in numbers["verdicts"]:
        word = ("HOLDS" if verdict["shown"] else "HOLDS IN THE MEAN ALONE") if verdict["holds"] else "FAILS"
        each = ", ".join(map(points, verdict["gain"]["each"]))
        yield f"{word}: {verdict['claim']} (points: {gain(verdict['gain'])}; by seed: {each})"


def pm(value: Mapping[str, Any] | None) -> str:
    """Return a fraction's mean and half interval in per cent."""
    if value is None:
        return MISSING
    return percent(value["mean"]) + ("" if value["half"] is None else f" ± {percent(value['half'])}")


def gain(value: Mapping[str, Any]) -> str:
    """Return a difference's mean and half interval in points."""
    return points(value["mean"]) + ("" if value["half"] is None else f" ± {percent(value['half'])}")


def lines(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Return a table for a terminal, its first column to the left."""
    widths = [max(len(line[n]) for line in (heads, *body)) for n in range(len(heads))]
    found = [
        "  ".join(
            [f"{line[0]:<{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in (heads, *body)
    ]
    return [found[0], "-" * len(found[0]), *found[1:]]


def markdown(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table for a Markdown page."""
    rows = [heads, ["---"] + ["---:"] * (len(heads) - 1), *body]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
