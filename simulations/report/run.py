"""The run itself: controls, time and memory, how to repeat it, and its configuration."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from isofed.simulations.report.headline import chosen_on_test
from isofed.simulations.report.learning import seconds_chart
from isofed.simulations.report.markup import Child, Raw, el, join
from isofed.simulations.report.tables import Table, facts, table
from isofed.simulations.report.words import (
    MISSING,
    duration,
    integer,
    number,
    part,
    percent_pm,
    points,
    size,
    text,
)

Rows = list[Mapping[str, Any]]


def _listed(source: Mapping[str, Any], key: str) -> Rows:
    given = source.get(key)
    return [row for row in given or () if isinstance(row, Mapping)]


def controls(summary: Mapping[str, Any]) -> Raw | None:
    """Return the control runs, the paired differences over seeds, and which claims hold."""
    given = part(summary, "controls")
    shown = (("rows", _control_rows), ("pairs", _pairs), ("verdicts", _verdicts))
    blocks = [show(found) for key, show in shown if (found := _listed(given, key))]
    return join(blocks) if blocks else None


def _control_rows(rows: Rows) -> Raw:
    found = dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, Mapping) and "mean" in v)
    names = [n for n in ("mAP", "R1") if n in found] + [n for n in found if n not in ("mAP", "R1")]
    body = [
        [text(row.get("name")), text(row.get("what")), integer(row.get("seeds")), integer(row.get("steps"))]
        + [percent_pm(part(row, n).get("mean"), part(row, n).get("spread")) for n in names]
        + [text(row.get("spread_over"))]
        for row in rows
    ]
    heads = ("run", "what it is", "seeds", "steps", *names, "spread over")
    words = frozenset({0, 1, len(heads) - 1})
    return table(Table("Controls in per cent, mean ± spread", heads, body, words))


def _verdicts(verdicts: Rows) -> Raw:
    body = [[text(v.get("claim")), _holds(v.get("holds")), text(v.get("found"))] for v in verdicts]
    return table(Table("What the controls say", ("claim", "holds", "found"), body, frozenset({0, 1, 2})))


def _holds(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else MISSING


def _pairs(pairs: Rows) -> Raw:
    names = dict.fromkeys(k for row in pairs for k in row if str(k).startswith("difference_"))
    heads = ("pair", *[f"difference in {n.removeprefix('difference_')}, points" for n in names], "seeds")
    body = []
    for row in pairs:
        seeds = [part(row, n).get("seeds") for n in names] + [row.get("seeds")]
        shown = next((s for s in seeds if s is not None), None)
        body.append([text(row.get("name")), *[_difference(part(row, n)) for n in names], integer(shown)])
    return table(Table("Differences between runs that share a seed, mean ± spread over seeds", heads, body))


def _difference(value: Mapping[str, Any]) -> str:
    mean, spread = number(value.get("mean")), number(value.get("spread"))
    if mean is None:
        return MISSING
    return points(mean) + ("" if spread is None else f" ± {100 * spread:.1f}")


def timing(summary: Mapping[str, Any], history: Mapping[str, Any]) -> Raw | None:
    """Return set-up, first reply, total and peak memory, and the time of each round."""
    seconds = part(summary, "seconds")
    named = (("total", "total"), ("set-up", "setup"), ("first reply", "first_reply"))
    pairs: list[tuple[str, Child]] = [(label, duration(seconds[k])) for label, k in named if k in seconds]
    if number(summary.get("peak_rss_bytes")) is not None:
        pairs.append(("peak memory", size(summary["peak_rss_bytes"])))
    chart = seconds_chart(summary, history)
    if not pairs and chart is None:
        return None
    return el("div", facts(pairs), chart, class_="pair")


def _command(summary: Mapping[str, Any]) -> Raw:
    overrides = part(summary, "config").get("overrides")
    if not isinstance(overrides, list | tuple):
        return el("p", "The command line was not recorded; the configuration below holds every value known.")
    command = "run" if summary.get("engine") == "deployed" else "simulate"
    line = " ".join([f"isofed {command}", *[shlex.quote(str(o)) for o in overrides]])
    return el("pre", el("code", line), class_="command")


def _evaluation(summary: Mapping[str, Any]) -> Raw:
    given = part(summary, "evaluation")
    names = ("benchmark", "rule", "search", "shots", "draws", "queries", "gallery")
    rule = ", ".join(f"{name} {given[name]}" for name in names if given.get(name) is not None)
    said = [f"Evaluation: {rule}."] if rule else []
    if given.get("model") == "last round":
        said.append("Model: the last round's, never chosen on the test set.")
    elif given.get("model"):
        said.append(f"Model: {given['model']}.")
    caution = chosen_on_test(summary)
    return join([el("p", " ".join(said)) if said else None, el("p", caution) if caution else None])


def reproduce(summary: Mapping[str, Any]) -> Raw:
    """Return the command, the rule of evaluation and the fingerprint of the weights."""
    pairs: list[tuple[str, Child]] = []
    if summary.get("weights_sha256"):
        pairs.append(("SHA-256 of the final weights", el("code", str(summary["weights_sha256"]))))
    return join([_command(summary), _evaluation(summary), facts(pairs)])


def configuration(summary: Mapping[str, Any]) -> Raw | None:
    """Return the resolved configuration, folded away."""
    config = part(summary, "config")
    if not config:
        return None
    shown = json.dumps(config, indent=2, ensure_ascii=False, default=str)
    return el("details", el("summary", "Show the resolved configuration"), el("pre", el("code", shown)))
