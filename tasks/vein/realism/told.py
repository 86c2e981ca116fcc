"""A comparison as a table and as JSON."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from isofed.tasks.vein.realism.compare import GROUPS, Curve, Group, Row, Spread

HEAD = ("", "published finger", "drawn fingers", "below", "plan", "")
WORDS = {
    "pose": "moved, turned, scaled, rolled",
    "light": "blurred, moved in the picture, exposed, scattered",
    "mixed": "mixtures",
}
NOTE = """\
Each cell is the median over the pictures with the 5 % and 95 % points. `below` is the share of drawn fingers
whose median lies below a published one's: at 0 or 1 (marked *) no drawn finger reaches it. `plan` is where
the plan of the generator wants the median; ! marks a median outside. `usual` is how far one drawn finger is
from all the others."""


def table(groups: Mapping[str, Group]) -> str:
    """Return the tables of all groups and what their columns mean."""
    parts = [part for name, group in groups.items() for part in (_titled(name, group), _curves(group))]
    return "\n\n".join([*parts, NOTE])


def _titled(name: str, group: Group) -> str:
    counts = " and ".join(f"{n} {what}" for n, what in (
        (group.published[0], f"pictures of {_fingers(group.published[1], 'published')}"),
        (group.drawn[0], f"of {_fingers(group.drawn[1], 'drawn')}"),
    ))  # fmt: skip
    head = f"{name} ({WORDS[name]}: {', '.join(GROUPS[name])}): {counts}"
    # what the plan says holds for pictures that nothing was done to
    return head + "\n" + aligned([HEAD, *(cells(row, name == "pose") for row in group.rows)])


def _fingers(count: int, which: str) -> str:
    return f"{count} {which} finger{'s' if count != 1 else ''}"


def cells(row: Row, planned: bool) -> tuple[str, ...]:
    """Return a row's words: what, published, drawn, below, plan, marks."""
    measure, places = row.measure, row.measure.places
    band = measure.band if planned else None
    told = f"{measure.words}, {measure.unit}" if measure.unit else measure.words
    marks = ("*" if row.below in (0.0, 1.0) else "") + ("!" if misses(row, planned) else "")
    wanted = "" if band is None else f"{band[0]:g} – {band[1]:g}"
    below = _number(row.below, 2)
    return told, shown(row.published, places), shown(row.drawn, places), below, wanted, marks


def misses(row: Row, planned: bool = True) -> bool:
    """Tell whether the drawn median lies outside the plan's band."""
    band = row.measure.band
    return planned and band is not None and not band[0] <= row.drawn.median <= band[1]


def shown(spread: Spread, places: int) -> str:
    """Return a median and its range as words."""
    median, low, high = (_number(value, places) for value in (spread.median, spread.low, spread.high))
    return f"{median} ({low} – {high})"


def _number(value: float, places: int) -> str:
    return f"{value:.{places}f}" if math.isfinite(value) else "none"


def _curves(group: Group) -> str:
    head = ("distance of", "published to drawn", "usual")
    rows = [
        (_named(curve), _number(curve.distance, 3), shown(curve.usual, 3)) for curve in group.curves.values()
    ]
    return aligned([head, *rows])


def _named(curve: Curve) -> str:
    return f"{curve.words}, {curve.unit}" if curve.unit else curve.words


def aligned(rows: list[tuple[str, ...]]) -> str:
    """Return rows as lines, the columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def markdown(group: Group) -> str:
    """Return the numbers of a group of plain pictures as a table in Markdown."""
    rows = [HEAD, ("---",) * len(HEAD), *(cells(row, True) for row in group.rows)]
    return "\n".join("| " + " | ".join(cell.replace("*", "\\*") for cell in row) + " |" for row in rows)


def json_of(groups: Mapping[str, Group]) -> dict[str, Any]:
    """Return everything as JSON values; what could not be measured is null."""
    return {name: _group(group) for name, group in groups.items()}


def _group(group: Group) -> dict[str, Any]:
    return {
        "published": dict(zip(("pictures", "fingers"), group.published, strict=True)),
        "drawn": dict(zip(("pictures", "fingers"), group.drawn, strict=True)),
        "numbers": {row.measure.name: _row(row) for row in group.rows},
        "curves": {name: dict(_curve(curve)) for name, curve in group.curves.items()},
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "unit": row.measure.unit,
        "published": _spread(row.published),
        "drawn": _spread(row.drawn),
        "below": _known(row.below),
        "plan": row.measure.band,
    }


def _curve(curve: Curve) -> Iterator[tuple[str, Any]]:
    yield from (("unit", curve.unit), ("distance", _known(curve.distance)), ("usual", _spread(curve.usual)))
    for name, fingers in (("published", curve.published), ("drawn", curve.drawn)):
        yield name, [_known(round(float(value), 6)) for value in fingers.mean(0)]


def _spread(spread: Spread) -> dict[str, float | None]:
    return {"median": _known(spread.median), "low": _known(spread.low), "high": _known(spread.high)}


def _known(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
