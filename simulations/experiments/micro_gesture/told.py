"""The experiment's numbers as text, as a page and as a piece of a Markdown page."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from isofed import __version__
from isofed.simulations.experiments.micro_gesture.found import MEASURES
from isofed.simulations.experiments.micro_gesture.options import MicroGestureExperiment
from isofed.simulations.experiments.tables import expected, gain, lines, markdown, pm
from isofed.simulations.report.bars import Bar, bar_chart
from isofed.simulations.report.charts import COLOURS
from isofed.simulations.report.document import document
from isofed.simulations.report.markup import el, join
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import duration, several

LEVELS = ("per cent", *MEASURES)
GAINS = ("gain in points, seed by seed", *MEASURES)
Numbers = Mapping[str, Any]


def rows(numbers: Numbers) -> list[list[str]]:
    """Return each way to train with its means and half intervals."""
    return [[row["name"], *(pm(row[name]) for name in MEASURES)] for row in numbers["rows"]]


def gains(numbers: Numbers) -> list[list[str]]:
    """Return what each difference is."""
    return [[d["what"], *(gain(d[name]) for name in MEASURES)] for d in numbers["differences"]]


def text(numbers: Numbers) -> str:
    """Return rows in per cent, gains in points, and each expectation with whether it holds."""
    blocks = [lines(LEVELS, rows(numbers)), lines(GAINS, gains(numbers)), list(expected(numbers))]
    took = f"{duration(numbers['seconds'])}; intervals of 95 %: {numbers['formula']}"
    return "\n\n".join(["\n".join(block) for block in blocks] + [took])


def page(numbers: Numbers) -> str:
    """Return the whole document as HTML."""
    options = numbers["options"]
    lead = (
        f"{options['rooms']} rooms with people of their own, {options['unlabelled']} without labels: "
        "training with reconstruction or without it where labels are few, hypergraph or plain attention."
    )
    bars = [
        Bar(row["name"], row[MEASURES[0]]["mean"], row[MEASURES[0]]["half"], f"c{n % COLOURS}")
        for n, row in enumerate(numbers["rows"])
    ]
    said = el("ul", *(el("li", line) for line in expected(numbers)))
    note = el("p", f"± is half of the interval of 95 % over seeds, {numbers['formula']}.", class_="note")
    chart = bar_chart(f"{MEASURES[0]}, per cent", bars, True)
    blocks = (
        ("result", "Expected and found", join([said, chart, note])),
        ("table", "Levels", table(Table("Mean over seeds", LEVELS, rows(numbers)))),
        ("gains", "Gains", table(Table("Differences of runs of one seed", GAINS, gains(numbers)))),
        ("options", "Options", el("pre", el("code", command(options)))),
    )
    tags = (
        several(len(numbers["seeds"]), "seed"),
        f"{duration(numbers['seconds'])} in all",
        f"isofed {__version__}",
    )
    about = (el("ul", *(el("li", tag) for tag in tags), class_="tags"),)
    return document("Micro-gestures: few labels, hyperedges", lead, about, blocks)


def written(numbers: Numbers) -> str:
    """Return command, expectations, levels and gains as Markdown."""
    about = (
        f"isofed {__version__}",
        several(len(numbers["seeds"]), "seed"),
        f"{duration(numbers['seconds'])} in all",
        f"worker processes: {numbers['workers']}",
    )
    return "\n\n".join(
        [
            f"    {command(numbers['options'])}",
            f"{', '.join(about)}.",
            "\n".join(f"* {line}" for line in expected(numbers)),
            markdown(LEVELS, rows(numbers)),
            markdown(GAINS, gains(numbers)),
            f"± is half of the interval of 95 % over seeds, {numbers['formula']}.",
        ]
    )


def command(options: Mapping[str, Any]) -> str:
    """Return what was run, with the options that are not the defaults."""
    usual = asdict(MicroGestureExperiment())
    words = [f"{n}={v}" for n, v in options.items() if v != usual[n] and n != "workers"]
    return " ".join(["isofed experiment micro_gesture", *words])
