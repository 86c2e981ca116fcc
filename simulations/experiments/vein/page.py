"""The experiment as a page, in the look of a run's report."""

import json
from collections.abc import Mapping
from typing import Any

from isofed import __version__
from isofed.simulations.experiments.tables import expected
from isofed.simulations.experiments.vein import told
from isofed.simulations.experiments.vein.sensors import sensors
from isofed.simulations.experiments.words import as_command
from isofed.simulations.report.bars import Bar, bar_chart
from isofed.simulations.report.charts import COLOURS, Plot, Series, line_chart
from isofed.simulations.report.document import document
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import duration, points, several

DRAWN = ("EER", "TAR@1e-2")
MEANING = (
    "EER: share of errors where as many own fingers are refused as impostors accepted, a smaller one is the "
    "better; TAR@1e-2: share of own fingers accepted where one impostor in 100 is, TAR@1e-3 where one in "
    "1,000 is; rank-1: share of probes whose own finger is the most alike. Fingers that are tested were not "
    "trained on. Each is the mean over the sites, every site alone measured on its own sensor; of unseen "
    "sensors no site trained on a picture."
)


def page(numbers: Mapping[str, Any]) -> str:
    """Return the whole document as text."""
    options, count = numbers["options"], len(numbers["seeds"])
    lead = (
        f"A network pretrained on {options['fingers']:,} drawn fingers and fine-tuned on "
        f"{options['few_fingers']} fingers of a sensor it has not seen, {options['few_images']} pictures "
        f"of each, against one that begins at random: at {len(numbers['sites'])} sites alone, federated "
        "and pooled."
    )
    tags = (several(count, "seed"), f"{duration(numbers['seconds'])} in all", f"isofed {__version__}")
    blocks = (
        ("result", "Expected and found", _result(numbers)),
        ("table", "Table", _levels(numbers)),
        ("gains", "Gains", _gains(numbers)),
        ("sensors", "Every sensor", sensors(numbers)),
        ("losses", "Training losses", _losses(numbers)),
        ("options", "Options", _options(options)),
    )
    about = (el("ul", *(el("li", tag) for tag in tags), class_="tags"),)
    return document("Finger vein: pretrained on drawn fingers", lead, about, blocks)


def _result(numbers: Mapping[str, Any]) -> Raw:
    said = [el("li", line) for line in expected(numbers)]
    charts = [bar_chart(f"{name}, per cent", bars, True) for name in DRAWN if (bars := _bars(numbers, name))]
    note = el("p", "Whiskers and ± reach to the ends of the interval of 95 % over seeds.", class_="note")
    return join([el("ul", *said), el("div", *charts, class_="pair"), note])


def _bars(numbers: Mapping[str, Any], measure: str) -> list[Bar]:
    return [
        Bar(row["name"], value["mean"], value["half"], f"c{index % COLOURS}")
        for index, row in enumerate(numbers["rows"])
        if (value := row["seen"].get(measure))
    ]


def _levels(numbers: Mapping[str, Any]) -> Raw:
    shown = Table("Per cent, mean over seeds ± half the interval", told.heads(numbers), told.rows(numbers))
    return join([table(shown), el("p", MEANING, class_="note")])


def _gains(numbers: Mapping[str, Any]) -> Raw:
    caption = "Gains seed by seed, positive where the first is the better; relative to the mean of the other"
    notes = (
        f"Points: {numbers['formula']}. Relative: 100 times the mean gain, divided by the mean of what it is "
        "a gain over."
    )
    body = [
        [*row, ", ".join(map(points, d["absolute"]["each"]))]
        for row, d in zip(told.gains(numbers), told.compared(numbers), strict=True)
    ]
    shown = Table(caption, (*told.GAINS, "each seed"), body, frozenset({0, 1}))
    return join([table(shown), el("p", notes, class_="note")])


def _losses(numbers: Mapping[str, Any]) -> Raw | None:
    curves = {name: points for name, points in numbers["losses"].items() if points}
    before = {name: points for name, points in curves.items() if name == "pretraining"}
    after = {name: points for name, points in curves.items() if name != "pretraining"}
    drawn = (("Pretraining, by pass", before), ("On the sites' few pictures, by round", after))
    charts = [_chart(title, lines) for title, lines in drawn if lines]
    note = "Means over seeds and sites. Margins and numbers of fingers differ, so only shapes compare."
    return join([el("div", *charts, class_="pair"), el("p", note, class_="note")]) if charts else None


def _chart(title: str, curves: Mapping[str, Any]) -> Raw:
    lines = tuple(
        Series(name, tuple((int(at), float(value)) for at, value in points))
        for name, points in curves.items()
    )
    return line_chart(Plot(title, "loss", lines, "{:.3f}".format, from_zero=False))


def _options(options: Mapping[str, Any]) -> Raw:
    command = el("pre", el("code", as_command("vein", options)))
    shown = el("details", el("summary", "Show all"), el("pre", el("code", json.dumps(options, indent=2))))
    return join([command, shown])
