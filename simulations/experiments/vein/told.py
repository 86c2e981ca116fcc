"""The experiment's numbers as text for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isofed.simulations.report.words import MISSING, duration, percent, points


def text(numbers: Mapping[str, Any]) -> str:
    """Return rows in per cent, gains in points and per cent, and each expectation with whether it holds."""
    blocks = [_table(heads(numbers), rows(numbers)), _table(GAINS, gains(numbers)), list(expected(numbers))]
    took = f"{duration(numbers['seconds'])}; intervals of 95 %: {numbers['formula']}"
    return "\n\n".join(["\n".join(lines) for lines in blocks] + [took])


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


def _columns(numbers: Mapping[str, Any]) -> list[tuple[str, str]]:
    row = numbers["rows"][0]
    return [
        (where, name)
        for where in ("seen", "unseen")
        for name in row[where]
        if where == "seen" or name == "EER"
    ]


def _table(heads: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[n]) for line in (heads, *body)) for n in range(len(heads))]
    lines = [
        "  ".join(
            [f"{line[0]:<{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(line[1:], widths[1:], strict=True))]
        )
        for line in (heads, *body)
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]
