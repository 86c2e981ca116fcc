"""A site's own account of what left it: one line a message, written before the message goes."""

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isofed.records import Report, Table


def enter(path: Path, report: Report, rows: Mapping[str, int]) -> None:
    """Append what ``report`` holds.

    Args:
        path: the site's ledger, JSON lines.
        report: about to leave.
        rows: rows of each table that the site could have sent, had the contract let them out.
    """
    line = {
        "round": report.round,
        "attempt": report.attempt,
        "channels": {name: _entry(channel, rows.get(name, 0)) for name, channel in report.channels.items()},
        "numbers": sorted(report.scalars),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        # the line break comes first, so that a line cut short by a crash cannot swallow the next one
        file.write(b"\n" + json.dumps(line).encode())


def _entry(channel: Any, held: int) -> dict[str, Any]:
    entry = {"kind": channel.kind, "bytes": channel.nbytes}
    if isinstance(channel, Table):
        sent = int((np.asarray(channel.counts) > 0).sum())
        entry |= {"rows_sent": sent, "rows_withheld": max(held - sent, 0)}
    return entry


def summed(path: Path) -> dict[str, Any]:
    """Add a ledger up by channel; an attempt that was written twice counts once."""
    last: dict[tuple[int, int], Any] = {}
    for line in path.read_bytes().split(b"\n") if path.exists() else ():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        last[entry["round"], entry["attempt"]] = entry
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
