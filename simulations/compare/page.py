"""The comparison as a page, in the look of a run's report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from isofed import __version__
from isofed.simulations.compare.curves import curves
from isofed.simulations.compare.own import words
from isofed.simulations.compare.table import Comparison, Number, Row, paired
from isofed.simulations.report.bars import Bar, bar_chart
from isofed.simulations.report.charts import COLOURS
from isofed.simulations.report.document import document
from isofed.simulations.report.markup import Child, Raw, el, join
from isofed.simulations.report.measures import meanings
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import (
    MISSING,
    duration,
    integer,
    percent,
    percent_pm,
    points,
    several,
    size,
)

MEASURED_BY = (
    "data.layout",
    "data.root",
    "data.make.",
    "task.name",
    "task.search",
    "task.shots",
    "task.draws",
    "holdout",
)


def page(found: Comparison, folder: Path) -> str:
    """Return the whole document as text; runs below ``folder`` are linked to."""
    runs = sum(len(row.runs) for row in found.rows)
    title = f"{several(len(found.rows), 'setting').capitalize()} side by side"
    blocks = (
        ("result", "Result", _result(found)),
        ("table", "Table", _numbers(found)),
        ("curves", "Curves", curves(found)),
        ("differences", "Differences", _differences(found)),
        ("runs", "Runs", _runs(found, folder)),
        ("same", "What all runs share", _shared(found)),
    )
    tags = el("ul", el("li", several(runs, "run")), el("li", f"isofed {__version__}"), class_="tags")
    return document(title, _lead(found), (tags, *_cautions(found)), blocks)


def _lead(found: Comparison) -> str:
    many = sorted({len(row.runs) for row in found.rows})
    each = several(many[0], "run") if len(many) == 1 else f"{many[0]} to {many[-1]} runs"
    return (
        f"Runs that differ in their seeds alone stand together, {each} a setting. "
        "Numbers are means over seeds, of the federated model."
    )


def _cautions(found: Comparison) -> list[Raw]:
    """Return what a reader must know before comparing the rows."""
    said = [f"Of {row.setting.name}, the model is: {row.selected}." for row in found.rows if row.selected]
    keys = [key for key in found.rows[0].setting.differs if key.startswith(MEASURED_BY)]
    if keys:
        listed = ", ".join(keys)
        said.append(f"The settings are not measured on the same test: they differ in {listed}.")
    if missing := _missing(found):
        said.append(
            f"Not measured: {'; '.join(missing)}. What sites keep a part of is measured at the sites alone, "
            "and there only with holdout=."
        )
    if any(len(row.runs) == 1 for row in found.rows):
        said.append("A setting of one run has no spread over seeds; a difference to it may be chance.")
    if any(len({run.seeds[1:] for run in row.runs}) > 1 for row in found.rows):
        said.append("Repetitions also change the data, by their seed or by a split, the test set included.")
    return [el("p", sentence, class_="note") for sentence in said]


def _missing(found: Comparison) -> list[str]:
    """Return for each setting that lacks some of the first measures which they are."""
    lacks = {row.setting.name: [n for n in found.headlines if n not in row.metrics] for row in found.rows}
    return [f"{', '.join(names)} of {setting}" for setting, names in lacks.items() if names]


def _result(found: Comparison) -> Raw | None:
    names = found.headlines
    charts = [bar_chart(f"{name}, per cent", bars, True) for name in names if (bars := _bars(found, name))]
    note = el("p", "Whiskers and ± show the sample standard deviation over seeds.", class_="note")
    return join([el("div", *charts, class_="pair"), note]) if charts else None


def _bars(found: Comparison, name: str) -> list[Bar]:
    return [
        Bar(row.setting.name, row.metrics[name].mean, row.metrics[name].spread, f"c{index % COLOURS}")
        for index, row in enumerate(found.rows)
        if name in row.metrics
    ]


def _numbers(found: Comparison) -> Raw:
    heads = ("setting", "runs", *found.measures, "all rounds", "sent", "received")
    body: list[list[Child]] = [
        [
            row.setting.name,
            len(row.runs),
            *[_percent(row.metrics.get(name)) for name in found.measures],
            *[_mean(value, show) for value, show in _costs(row)],
        ]
        for row in found.rows
    ]
    caption = (
        "Measures in per cent, mean ± sample standard deviation over seeds; time and bytes: mean of a run"
    )
    at_sites = words(run.summary for row in found.rows for run in row.runs)
    explained = " ".join(
        filter(None, [(m := meanings(found.measures, found.rows[0].runs[0].summary)) and f"{m}.", at_sites])
    )
    note = el("p", explained, class_="note") if explained else None
    return join([table(Table(caption, heads, body)), note])


def _costs(row: Row) -> tuple[tuple[Number | None, Callable[[object], str]], ...]:
    return (row.seconds, duration), (row.sent, size), (row.received, size)


def _percent(value: Number | None) -> str:
    return MISSING if value is None else percent_pm(value.mean, value.spread)


def _mean(value: Number | None, show: Callable[[object], str]) -> str:
    return MISSING if value is None else show(value.mean)


def _differences(found: Comparison) -> Raw | None:
    base, *others = found.rows
    names = found.headlines
    body = []
    for row in others:
        numbers = [paired(row, base, name) for name in names]
        pairs = max([len(value.each) for value in numbers if value], default=0)
        body.append([row.setting.name, *map(_points, numbers), integer(pairs)])
    if not any(int(row[-1]) for row in body):
        return None
    heads = ("setting", *[f"{name}, points" for name in names], "shared seeds")
    caption = f"Difference to {base.setting.name}, seed by seed: mean ± sample standard deviation"
    said = "Runs of one seed begin with the same weights on the same data: what they share falls out."
    return join([table(Table(caption, heads, body)), el("p", said, class_="note")])


def _points(value: Number | None) -> str:
    if value is None:
        return MISSING
    return points(value.mean) + ("" if value.spread is None else f" ± {percent(value.spread)}")


def _runs(found: Comparison, folder: Path) -> Raw:
    names = found.headlines
    body = []
    for row in found.rows:
        for place, run in enumerate(row.runs):
            seed, data_seed, split = run.seeds
            each = [_nth(row.metrics.get(name), place, len(row.runs)) for name in names]
            body.append(
                [
                    _link(run.folder, folder),
                    row.setting.name,
                    str(seed),
                    _text(data_seed),
                    _text(split),
                    *each,
                ]
            )
    heads = ("run", "setting", "seed", "data seed", "split", *[f"{name}, %" for name in names])
    listed = table(Table("Every run", heads, body, frozenset({0, 1})))
    items = [el("li", el("code", shown(left.folder, folder)), f": {left.why}") for left in found.left]
    out = [el("h3", "Left out"), el("ul", *items)] if items else []
    return join([listed, *out])


def _nth(value: Number | None, place: int, runs: int) -> str:
    return percent(value.each[place]) if value is not None and len(value.each) == runs else MISSING


def _text(value: Any) -> str:
    return MISSING if value is None else str(value)


def shown(run: Path, folder: Path) -> str:
    """Return a run's folder as seen from the page's, or whole where it lies elsewhere."""
    return str(run.relative_to(folder)) if run.is_relative_to(folder) else str(run)


def _link(run: Path, folder: Path) -> Child:
    name = shown(run, folder)
    return el("a", name, href=f"./{quote(name)}/report.html") if run.is_relative_to(folder) else name


def _shared(found: Comparison) -> Raw | None:
    values = shared(found)
    if not values:
        return None
    text = json.dumps(values, indent=2, ensure_ascii=False, default=str)
    return el("details", el("summary", "Show the configuration they share"), el("pre", el("code", text)))


def shared(found: Comparison) -> dict[str, Any]:
    """Return the keys that are the same in all runs, with their values."""
    first, *others = [run.values for row in found.rows for run in row.runs]
    return {k: v for k, v in first.items() if all(k in values and values[k] == v for values in others)}
