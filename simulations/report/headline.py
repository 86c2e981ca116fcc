"""The top of the page: what ran in one sentence, the one number, and all measures."""

from collections.abc import Mapping
from typing import Any

from isofed.simulations.accounts import told
from isofed.simulations.early import said as said_end
from isofed.simulations.hostile.attacks import said as said_attack
from isofed.simulations.local_dp import said
from isofed.simulations.report.bars import Bar, bar_chart
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.measures import (
    Row,
    best_alone,
    find,
    headline_names,
    meanings,
    measure_names,
    model_rows,
)
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import number, part, percent, percent_pm, points, several, task, unit
from isofed.simulations.ways import Way, named

SIMULATED = ("local", "ray")


def heading(summary: Mapping[str, Any]) -> str:
    """Return the title: the task and the strategy."""
    what = task(summary) or "federated training"
    strategy = summary.get("strategy")
    return what[:1].upper() + what[1:] + (f" with {strategy}" if strategy else "")


def sentence(summary: Mapping[str, Any]) -> str:
    """Return what ran, in one plain sentence made of what the summary says and nothing else."""
    sites = round(number(summary.get("population")) or len(part(summary, "sites") or part(summary, "bytes")))
    rounds, level = number(summary.get("rounds")), summary.get("protocol")
    model = f"one {task(summary)} model".replace("  ", " ")
    if sites > 1:
        words = [f"{several(sites, unit(summary)).capitalize()} trained {model} together"]
    else:
        words = [f"{model.capitalize()} was trained"]
    if rounds is not None:
        cohort = round(number(summary.get("cohort")) or 0)
        each = f" of {several(cohort, unit(summary))}" if cohort else ""
        words.append(f"for {several(round(rounds), 'round')}{each}")
    if summary.get("strategy"):
        words.append(f"with {summary['strategy']}")
    lines = [line for line in (said_end(summary), said_attack(summary), said(summary)) if line]
    beside = "".join(f" {line[:1].upper()}{line[1:]}." for line in lines)
    return " ".join(words) + (f", under the privacy level “{level}”." if level else ".") + beside


def tags(summary: Mapping[str, Any]) -> Raw:
    """Return engine, its processes and threads, seed and version as short labels."""
    engine = summary.get("engine")
    how = f"simulated, engine {engine}" if engine in SIMULATED else f"engine {engine}" if engine else None
    workers, threads = number(summary.get("workers")), number(summary.get("threads_per_client"))
    many = named(Way(round(workers), round(threads))) if workers and threads else None
    seed = f"seed {summary['seed']}" if "seed" in summary else None
    version = f"isofed {summary['version']}" if "version" in summary else None
    return el("ul", *[el("li", tag) for tag in (how, many, seed, version) if tag], class_="tags")


def warning(summary: Mapping[str, Any]) -> Raw | None:
    """Return the note that a run with simulated secrets protects nobody."""
    if summary.get("simulated_secrets") is not True:
        return None
    said = "A simulation derives secrets from its seed, so that it repeats: it measures, it does not protect."
    return el("p", said, class_="note")


def promises(summary: Mapping[str, Any]) -> Raw | None:
    """Return what the run's accounts of privacy say, or None where nothing was hidden."""
    lines = told(summary)
    return el("ul", *[el("li", f"{line[:1].upper()}{line[1:]}.") for line in lines]) if lines else None


def chosen_on_test(summary: Mapping[str, Any]) -> str | None:
    """Return what must be known of a model that was selected with the test set, or None."""
    model = str(part(summary, "evaluation").get("model") or "")
    if "test set" not in model:
        return None
    return (
        f"This model was selected on the test set: {model}. Its numbers are better than on data that nobody "
        "has looked at, and do not compare with those of a last round."
    )


def caution(summary: Mapping[str, Any]) -> Raw | None:
    """Return that sentence for the top of the page."""
    said = chosen_on_test(summary)
    return el("p", said, class_="caution") if said else None


def headline(summary: Mapping[str, Any]) -> Raw | None:
    """Return the big number, what it compares with, and the bars."""
    rows = model_rows(summary)
    names = headline_names(measure_names(rows))
    if not names:
        return None
    bars = [bar_chart(f"{name}, per cent", _bars(rows, name)) for name in names]
    parts = [
        _hero(rows, names[0], unit(summary)),
        el("div", *bars, class_="pair"),
        _fine_print(rows, summary),
    ]
    return join(parts)


def _hero(rows: tuple[Row, ...], measure: str, one: str) -> Raw | None:
    together = find(rows, "together", measure)
    if together is None:
        return None
    value = together.values[measure]
    big = el("p", el("span", percent(value), class_="figure"), el("span", " %", class_="sign"), class_="big")
    better = "; less is better" if measure in together.lower else ""
    label = el("p", f"{measure}, federated model{better}", class_="label")
    best, before = best_alone(rows, measure), find(rows, "before", measure)
    cards = [el("div", big, label, class_="card main")]
    if best is not None:
        cards.append(_against(value, best.values[measure], f"best {one} alone", best.name))
    if before is not None:
        cards.append(_against(value, before.values[measure], "untrained model", None))
    return el("div", *cards, class_="hero")


def _against(value: float, other: float, label: str, name: str | None) -> Raw:
    named = f"{label} ({name})" if name else label
    sign = points(value - other)
    shown = el("p", el("span", sign, class_="figure"), el("span", " points", class_="sign"), class_="big")
    return el(
        "div", shown, el("p", f"against the {named}: {percent(other)} %", class_="label"), class_="card"
    )


def _bars(rows: tuple[Row, ...], name: str) -> list[Bar]:
    shown = [row for row in rows if name in row.values]
    return [
        Bar(f"{r.name} alone" if r.kind == "alone" else r.name, r.values[name], r.spread.get(name), r.kind)
        for r in shown
    ]


def _fine_print(rows: tuple[Row, ...], summary: Mapping[str, Any]) -> Raw | None:
    said = []
    if any(row.spread for row in rows):
        over = _over(summary)
        said.append(f"Whiskers and ± show the sample standard deviation over the {over} of one model.")
    if "seed" in summary:
        said.append("All models come from one seed; another seed can move them by more than the draws do.")
    if any(best_alone(rows, name) for name in headline_names(measure_names(rows))):
        said.append(f"The best {unit(summary)} alone is picked by its test score, which favours it.")
    return el("p", " ".join(said), class_="note") if said else None


def _over(summary: Mapping[str, Any]) -> str:
    """Return what spreads are over: what the task says, or gallery draws."""
    return str(part(summary, "evaluation").get("spread_over") or "gallery draws")


def results(summary: Mapping[str, Any]) -> Raw | None:
    """Return the table of all measures."""
    rows = model_rows(summary)
    names = measure_names(rows)
    if not names:
        return None
    cells = [[_name(r), *[percent_pm(r.values.get(n), r.spread.get(n)) for n in names]] for r in rows]
    strong = next((i for i, row in enumerate(rows) if row.kind == "together"), None)
    spread = f", ± sample standard deviation over {_over(summary)}" if any(r.spread for r in rows) else ""
    listed = table(Table(f"All measures in per cent{spread}", ("model", *names), cells, strong=strong))
    explained = meanings(names, summary)
    return join([listed, el("p", explained + ".", class_="note") if explained else None])


def _name(row: Row) -> str:
    return f"{row.name} alone" if row.kind == "alone" else row.name
