"""Where the rounds' time went: each kind of work's share, and the seconds of every process."""

from collections.abc import Mapping
from typing import Any

from isofed.simulations.profiled import ALL, told
from isofed.simulations.report.bars import Bar, bar_chart
from isofed.simulations.report.markup import Raw, el, join
from isofed.simulations.report.tables import Table, table
from isofed.simulations.report.words import MISSING, part
from isofed.spans import CATEGORIES, WAITING

SECOND = 1e9  # nanoseconds
HEADS = (*CATEGORIES, WAITING)


def where(summary: Mapping[str, Any]) -> Raw | None:
    """Return the section of a run with ``profile=true``; None of any other."""
    profile = part(summary, "profile")
    processes, everything = part(profile, "total", "processes"), part(profile, "total", ALL)
    whole = sum(everything.get(name, 0) for name in CATEGORIES)
    if not processes or not whole:
        return None
    shares = [Bar(name, everything.get(name, 0) / whole, None, "together") for name in CATEGORIES]
    chart = bar_chart("Share of all processes' time, per cent", shares)
    meant = "; ".join(f"{name}: {meaning}" for name, meaning in CATEGORIES.items())
    return join(
        [
            el("p", _sentence(profile, len(processes))),
            el("div", chart, el("p", meant + ".", class_="note"), class_="pair"),
            _table(processes, everything),
        ]
    )


def _sentence(profile: Mapping[str, Any], count: int) -> str:
    times = "" if count == 1 else f"times {count} processes, "
    return (
        f"{told(profile)}, from a round's orders to its checkpoint; {times}this is the time that is split "
        "here. Waiting is a part of the engine's. Single spans are in trace.json, which Perfetto and "
        "chrome://tracing open."
    )


def _table(processes: Mapping[str, Any], everything: Mapping[str, Any]) -> Raw:
    rows = [[str(name), *_seconds(spent)] for name, spent in processes.items()]
    if len(rows) > 1:
        rows.append([ALL, *_seconds(everything)])
    several = len(processes) > 1
    return table(Table("Seconds of each process", ("process", *HEADS), rows, total=several))


def _seconds(spent: Mapping[str, Any]) -> list[str]:
    return [f"{spent[name] / SECOND:.2f}" if name in spent else MISSING for name in HEADS]
