"""Tables with scoped headers that scroll inside their own box on a narrow screen."""

from collections.abc import Sequence
from dataclasses import dataclass

from isofed.simulations.report.markup import Child, Raw, el


@dataclass(frozen=True)
class Table:
    """A table: what it lists, its column heads, its rows (the first cell names the row).

    ``words`` are the columns that hold text, aligned left; all others hold numbers. ``strong`` is
    the row to set in bold, ``total`` says that the last row sums the others.
    """

    caption: str
    heads: tuple[str, ...]
    rows: Sequence[Sequence[Child]]
    words: frozenset[int] = frozenset({0})
    strong: int | None = None
    total: bool = False


def table(given: Table) -> Raw:
    """Return the table in a box that can be reached and scrolled with the keyboard."""
    heads = [el("th", h, scope="col", class_=_kind(given, n)) for n, h in enumerate(given.heads)]
    body = [_row(given, index, row) for index, row in enumerate(given.rows)]
    inner = el(
        "table",
        el("caption", el("span", given.caption)),
        el("thead", el("tr", *heads)),
        el("tbody", *body),
        class_="data",
    )
    return el("div", inner, class_="scroll", role="region", tabindex=0, aria_label=given.caption)


def _row(given: Table, index: int, row: Sequence[Child]) -> Raw:
    first = el("th", row[0], scope="row", class_=_kind(given, 0))
    cells = [el("td", cell, class_=_kind(given, n)) for n, cell in enumerate(row[1:], 1)]
    last = given.total and index == len(given.rows) - 1
    return el("tr", first, *cells, class_="total" if last else "strong" if index == given.strong else None)


def _kind(given: Table, column: int) -> str:
    return "words" if column in given.words else "number"


def facts(pairs: Sequence[tuple[str, Child]]) -> Raw | None:
    """Return a list of names and values; None where there is no pair."""
    items = [el("div", el("dt", name), el("dd", value)) for name, value in pairs]
    return el("dl", *items, class_="facts") if items else None
