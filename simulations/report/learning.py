"""How the run went, round by round: measures, losses, seconds, and every value in a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from isofed.simulations.report.charts import Plot, Rule, Series, line_chart
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.measures import (
    best_alone,
    headline_names,
    in_order,
    model_rows,
    numbers,
)
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import MISSING, duration, number, part, percent

Round = Mapping[str, Any]


def rounds_of(history: Mapping[str, Any]) -> list[Round]:
    """Return the rounds that have a number, in rising order; of one told twice the last counts."""
    given = history.get("rounds") or ()
    told = [r for r in given if isinstance(r, Mapping) and number(r.get("round")) is not None]
    kept = {round(r["round"]): r for r in told}
    return [kept[n] for n in sorted(kept)]


def _series(rounds: Iterable[Round], name: str, *path: str, scale: float = 1.0) -> Series | None:
    """Return the finite numbers at ``path`` of each round, times ``scale``; None where there is none."""
    told = ((round(r["round"]), number(part(r, *path[:-1]).get(path[-1]))) for r in rounds)
    found = tuple((n, scale * value) for n, value in told if value is not None)
    return Series(name, found) if found else None


def _measures(summary: Mapping[str, Any], rounds: list[Round]) -> tuple[str, ...]:
    seen = dict.fromkeys(name for r in rounds for name in numbers(r.get("metrics"), f"round {r['round']}: "))
    return headline_names(in_order(seen, summary))


def _sites(rounds: list[Round]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(site for r in rounds for site in part(r, "loss")))


def _scores(summary: Mapping[str, Any], rounds: list[Round]) -> Raw | None:
    names = _measures(summary, rounds)
    lines = [_series(rounds, n, "metrics", n, scale=100.0) for n in names]
    shown = tuple(line for line in lines if line)
    best = best_alone(model_rows(summary), names[0]) if names else None
    rules = (Rule(f"{names[0]} of {best.name} alone", 100 * best.values[names[0]]),) if best else ()
    if not shown:
        return None
    title = f"{' and '.join(names)} of the shared model by round"
    return line_chart(Plot(title, "per cent", shown, lambda v: f"{v:.1f} %", rules))


def _losses(rounds: list[Round]) -> Raw | None:
    lines = [_series(rounds, s, "loss", s) for s in _sites(rounds)]
    shown = tuple(line for line in lines if line)
    told = [v for r in rounds for v in part(r, "loss").values()]
    lost = sum(isinstance(v, int | float) and number(v) is None for v in told)
    note = f"Values that are not finite and so are not drawn: {lost}." if lost else None
    if not shown:
        return None
    plot = Plot("Training loss by site and round", "loss", shown, "{:.3f}".format, from_zero=False, note=note)
    return line_chart(plot)


def _values(summary: Mapping[str, Any], rounds: list[Round]) -> Raw:
    names, sites = _measures(summary, rounds), _sites(rounds)
    heads = ("round", *[f"{n}, %" for n in names], *[f"loss {s}" for s in sites], "time")
    body = [
        [
            round(r["round"]),
            *[percent(part(r, "metrics").get(n)) for n in names],
            *[_three(part(r, "loss").get(s)) for s in sites],
            duration(r.get("seconds")),
        ]
        for r in rounds
    ]
    listed = table(Table("Every round", heads, body, words=frozenset()))
    return el("details", el("summary", "All values by round"), listed)


def _three(value: object) -> str:
    found = number(value)
    return MISSING if found is None else f"{found:.3f}"


def learning(summary: Mapping[str, Any], history: Mapping[str, Any]) -> Raw | None:
    """Return the curves and the table behind them, or None where no round was recorded."""
    rounds = rounds_of(history)
    if not rounds:
        return None
    charts = [chart for chart in (_scores(summary, rounds), _losses(rounds)) if chart]
    return join([el("div", *charts, class_="pair") if charts else None, _values(summary, rounds)])


def seconds_chart(summary: Mapping[str, Any], history: Mapping[str, Any]) -> Raw | None:
    """Return the time each round took, from the summary's list or else from the history."""
    told = part(summary, "seconds").get("rounds")
    if isinstance(told, list | tuple) and told:
        rounds: list[Round] = [{"round": n, "seconds": value} for n, value in enumerate(told, 1)]
    else:
        rounds = rounds_of(history)
    line = _series(rounds, "seconds", "seconds")
    if line is None or len(line.points) < 2:
        return None
    return line_chart(Plot("Seconds by round", "seconds", (line,), duration))
