"""The numbers of judged.py as text, as a page and as a piece of a Markdown page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from isofed import __version__
from isofed.simulations.experiments.tables import expected, gain, lines, markdown, pm
from isofed.simulations.experiments.words import as_command
from isofed.simulations.report.bars import Bar, bar_chart
from isofed.simulations.report.charts import COLOURS
from isofed.simulations.report.document import document
from isofed.simulations.report.markup import el, join
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import duration, several

CHARTS = 2  # measures that are drawn where nothing else is said
LEVELS, GAINS = "per cent", "gain in points, seed by seed"
Numbers = Mapping[str, Any]


@dataclass(frozen=True)
class Sheet:
    """One more table: what it lists, its heads, its rows, the first cell of each names it."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Telling:
    """How one experiment is told.

    Args:
        name: as in ``isofed experiment NAME``.
        title: of the page.
        lead: of the options, a sentence or two.
        usual: the dataclass of its options, with its defaults.
        measures: to be shown, as in the numbers.
        sheets: of the numbers, further tables.
        charts: of the measures, the first ones, that are drawn.
        alone: whether the further tables are all; else every row and every difference stand before them.
    """

    name: str
    title: str
    lead: Callable[[Mapping[str, Any]], str]
    usual: type[Any]
    measures: tuple[str, ...]
    sheets: Callable[[Numbers], Sequence[Sheet]] = lambda numbers: ()
    charts: int = CHARTS
    alone: bool = False


def sheets(telling: Telling, numbers: Numbers) -> list[Sheet]:
    """Return all tables: every row with means and half intervals, every difference, and what is further."""
    if telling.alone:
        return list(telling.sheets(numbers))
    names = telling.measures
    rows = [[row["name"], *(pm(row[name]) for name in names)] for row in numbers["rows"]]
    gains = [[each["what"], *(gain(each[name]) for name in names)] for each in numbers["differences"]]
    return [
        Sheet("Mean over seeds", (LEVELS, *names), rows),
        Sheet("Differences of runs of one seed", (GAINS, *names), gains),
        *telling.sheets(numbers),
    ]


def text(telling: Telling, numbers: Numbers) -> str:
    """Return rows in per cent, gains in points, and each expectation with whether it holds."""
    blocks = [lines(sheet.heads, sheet.rows) for sheet in sheets(telling, numbers)]
    took = f"{duration(numbers['seconds'])}; intervals of 95 %: {numbers['formula']}"
    return "\n\n".join(["\n".join(block) for block in (*blocks, list(expected(numbers)))] + [took])


def page(telling: Telling, numbers: Numbers) -> str:
    """Return the whole document as HTML."""
    said = el("ul", *(el("li", line) for line in expected(numbers)))
    drawn = telling.measures[: telling.charts]
    charts = [bar_chart(f"{n}, per cent", _bars(numbers, n), True) for n in drawn]
    note = el("p", _formula(numbers), class_="note")
    shown = [table(Table(each.title, each.heads, each.rows)) for each in sheets(telling, numbers)]
    blocks = (
        ("result", "Expected and found", join([said, el("div", *charts, class_="pair"), note])),
        ("tables", "Tables", join(shown)),
        ("options", "Options", el("pre", el("code", command(telling, numbers["options"])))),
    )
    about = (el("ul", *(el("li", tag) for tag in _tags(numbers)), class_="tags"),)
    return document(telling.title, telling.lead(numbers["options"]), about, blocks)


def _bars(numbers: Numbers, measure: str) -> list[Bar]:
    return [
        Bar(row["name"], row[measure]["mean"], row[measure]["half"], f"c{n % COLOURS}")
        for n, row in enumerate(numbers["rows"])
    ]


def written(telling: Telling, numbers: Numbers) -> str:
    """Return command, expectations and tables as Markdown."""
    return "\n\n".join(
        [
            f"    {command(telling, numbers['options'])}",
            f"{', '.join(_tags(numbers))}, worker processes: {numbers['workers']}.",
            "\n".join(f"* {line}" for line in expected(numbers)),
            *(markdown(each.heads, each.rows) for each in sheets(telling, numbers)),
            _formula(numbers),
        ]
    )


def command(telling: Telling, options: Mapping[str, Any]) -> str:
    """Return what was run, with the options that are not the defaults."""
    usual = asdict(telling.usual())
    return as_command(telling.name, {n: v for n, v in options.items() if v != usual[n]})


def _tags(numbers: Numbers) -> tuple[str, str, str]:
    seeds = several(len(numbers["seeds"]), "seed")
    return seeds, f"{duration(numbers['seconds'])} in all", f"isofed {__version__}"


def _formula(numbers: Numbers) -> str:
    return f"± is half of the interval of 95 % over seeds, {numbers['formula']}."
