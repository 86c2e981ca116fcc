"""A site's own account of what left it: one line a message, written before the message goes."""

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from isofed.records import Channel, Order, Report, Table

MEASURED = "own measurements"
Entry = tuple[tuple[str, str | int], ...]


def enter(path: Path, report: Report, rows: Mapping[str, int]) -> None:
    """Append what ``report`` holds.

    Args:
        path: the site's ledger, JSON lines.
        report: about to leave.
        rows: rows of each table that the site could have sent, had the contract let them out.
    """
    entries = [(name, _entry(channel, rows.get(name, 0))) for name, channel in report.channels.items()]
    _append(path, report, _told(tuple(entries), tuple(report.scalars)))


def enter_measured(path: Path, order: Order, statistics: Mapping[str, float]) -> None:
    """Append that a site's measurement on its own samples leaves it.

    Args:
        path: the site's ledger, JSON lines.
        order: that asked for it.
        statistics: about to leave.
    """
    entry = ("kind", "statistics"), ("bytes", 8 * len(statistics))
    _append(path, order, _told(((MEASURED, entry),), (), MEASURED))


@lru_cache(maxsize=64)
def _told(entries: tuple[tuple[str, Entry], ...], numbers: tuple[str, ...], what: str = "") -> str:
    # of what many sites send alike
    told = {"channels": {name: dict(entry) for name, entry in entries}, "numbers": sorted(numbers)}
    return json.dumps(told | ({"what": what} if what else {}))[1:]


def _append(path: Path, of: Report | Order, told: str) -> None:
    # the line break comes first, so that a line cut short by a crash cannot swallow the next one
    text = f'\n{{"round": {of.round}, "attempt": {of.attempt}, {told}'.encode()
    try:
        _write(path, text)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text)


def _write(path: Path, text: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(file, text)
    finally:
        os.close(file)


def _entry(channel: Channel, held: int) -> Entry:
    entry: Entry = ("kind", channel.kind), ("bytes", channel.nbytes)
    if isinstance(channel, Table):
        sent = int((np.asarray(channel.counts) > 0).sum())
        entry += ("rows_sent", sent), ("rows_withheld", max(held - sent, 0))
    return entry


def summed(path: Path) -> dict[str, Any]:
    """Add a ledger up by channel; an attempt that was written twice counts once."""
    last: dict[tuple[int, int, str], Any] = {}
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        last[entry["round"], entry["attempt"], entry.get("what", "")] = entry
    totals: dict[str, Any] = {}
    for entry in last.values():
        for name, channel in entry["channels"].items():
            total = totals.setdefault(name, defaultdict(int, kind=channel["kind"]))
            for key in ("bytes", "rows_sent", "rows_withheld"):
                if key in channel:
                    total[key] += channel[key]
            total["messages"] += 1
    numbers = sorted({number for entry in last.values() for number in entry["numbers"]})
    return {**{name: dict(total) for name, total in totals.items()}, "scalars": numbers}
