"""What the sites measured on samples of their own that were never trained on, each site by itself."""

from collections.abc import Iterator, Mapping
from typing import Any

from isofed.events import OWN
from isofed.simulations.report.bars import NAME_CHARACTERS, Bar, bar_chart
from isofed.simulations.report.charts import Plot, Series, line_chart
from isofed.simulations.report.learning import rounds_of
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.measures import numbers
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import MISSING, part, percent, points

MODELS = {"untrained": "before", "alone": "alone", "federated": "together"}
OVER = {"mean": "mean of all sites", "lowest": "lowest of all sites"}
MEANING = {
    "own_R1": "own_R1: share whose nearest training picture shows the same person",
    "own_accuracy": "own_accuracy: share for which the head names the right one of the site's people",
    "own_clip_accuracy": "own_clip_accuracy: share of clips whose emotion is found",
    "own_UAR": "own_UAR: unweighted average recall",
    "own_rebuilt": "own_rebuilt: share of the clips' variance that reconstruction explains",
}


def own(summary: Mapping[str, Any], history: Mapping[str, Any]) -> Raw | None:
    """Return bars and a table by site, alone against federated; a note where nothing was measured there."""
    about, found = part(summary, "evaluation"), part(summary, "metrics", OWN)
    names = tuple(numbers(part(found, "federated", "mean"), "own metrics: "))
    if not names:
        said = about.get("note")
        return el("p", str(said).capitalize() + ".", class_="caution") if said else None
    charts = [_chart(found, name) for name in names]
    curves = [curve for name in names if (curve := _curve(history, name))]
    said = f"Measured by every site on samples that it held out: {about.get('own', 'own samples')}."
    more = "The federated model is the one that the site is to use, its own part included."
    drawn = [el("div", *shown, class_="pair") for shown in (charts, curves) if shown]
    parts = [el("p", f"{said} {more}"), drawn[0], _table(found, names), *drawn[1:]]
    explained = "; ".join(MEANING[name] for name in names if name in MEANING)
    return join([*parts, el("p", explained + ".", class_="note") if explained else None])


def _sites(found: Mapping[str, Any]) -> list[str]:
    return [str(site) for site in part(found, "federated", "sites")]


def _chart(found: Mapping[str, Any], name: str) -> Raw:
    bars = _bars(found, name)
    long_names = any(len(bar.name) > NAME_CHARACTERS for bar in bars)
    return bar_chart(f"{name} at the sites, per cent", bars, long_names)


def _bars(found: Mapping[str, Any], name: str) -> list[Bar]:
    """Return for every site, and for the mean, a bar for its model alone and one for the federated model."""
    return [
        Bar(f"{where} {model}", value, None, MODELS[model])
        for where, path in _places(found, ("mean",))
        for model in ("alone", "federated")
        if (value := numbers(part(found, model, *path)).get(name)) is not None
    ]


def _places(found: Mapping[str, Any], over: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield (name, where its measures stand) of every site and of what all come to."""
    yield from ((site, ("sites", site)) for site in _sites(found))
    yield from ((kind, (kind,)) for kind in over)


def _table(found: Mapping[str, Any], names: tuple[str, ...]) -> Raw:
    models = [model for model in MODELS if part(found, model)]
    gain = "alone" in models
    heads = ["site"]
    for name in names:
        heads += [f"{name}, {model}" for model in models] + (["gain, points"] if gain else [])
    rows = []
    for where, path in _places(found, tuple(OVER)):
        each = {model: numbers(part(found, model, *path)) for model in models}
        row = [OVER.get(where, where) if len(path) == 1 else where]
        for name in names:
            row += [percent(each[model].get(name)) for model in models]
            row += [_gain(each["federated"].get(name), each["alone"].get(name))] if gain else []
        rows.append(row)
    return table(Table("Held-out samples of each site, per cent", tuple(heads), rows))


def _gain(together: float | None, alone: float | None) -> str:
    return MISSING if together is None or alone is None else points(together - alone)


def _curve(history: Mapping[str, Any], name: str) -> Raw | None:
    told = [Series(OVER[kind], tuple(_values(history, kind, name))) for kind in OVER]
    if len(told[0].points) < 2:
        return None
    return line_chart(Plot(f"{name} at the sites by round", "per cent", tuple(told), lambda v: f"{v:.1f} %"))


def _values(history: Mapping[str, Any], kind: str, name: str) -> Iterator[tuple[int, float]]:
    """Yield (round, per cent) of the rounds that were measured."""
    for entry in rounds_of(history):
        value = numbers(part(entry, OWN, kind)).get(name)
        if value is not None:
            yield round(entry["round"]), 100 * value
