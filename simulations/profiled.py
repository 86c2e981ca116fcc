"""What a profile says: read from the run's folder, and as a table for the terminal."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isofed.spans import CATEGORIES, WAITING

PROFILE = "profile.json"
MAIN, ALL = "main", "all"


def load(folder: Path) -> dict[str, Any] | None:
    """Return what a run's profile.json holds, or None where there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads((folder / PROFILE).read_text())
        return found if {"total", "rounds", "asked"} <= found.keys() else None
    except (OSError, ValueError):
        return None


def text(profile: Mapping[str, Any]) -> str:
    """Return the table for the terminal: seconds by process and category, and what share that is."""
    total, heads = profile["total"], (*CATEGORIES, WAITING)
    shown = {**total["processes"], **({ALL: total[ALL]} if len(total["processes"]) > 1 else {})}
    whole = sum(total[ALL][name] for name in CATEGORIES) or 1
    widths = [max(len(head), 6) + 2 for head in heads]
    lines = ["".join(["process   ", *(f"{head:>{w}}" for head, w in zip(heads, widths, strict=True))])]
    for name, spent in shown.items():
        cells = (f"{spent[head] / 1e9:{w}.2f}" for head, w in zip(heads, widths, strict=True))
        lines.append("".join([f"{name:<10}", *cells]))
    cells = (f"{100 * total[ALL][head] / whole:{w}.1f}" for head, w in zip(heads, widths, strict=True))
    lines.append("".join(["per cent  ", *cells]))
    return "\n".join([f"{told(profile)}; seconds by process, waiting being a part of engine", *lines])


def told(profile: Mapping[str, Any]) -> str:
    """Return in words what was measured."""
    count, asked = len(profile["rounds"]), profile["asked"]
    rounds = f"{asked} round{'s' * (asked != 1)}"
    rounds = rounds if count == asked else f"{count} of {rounds}"
    return f"{rounds} took {profile['total']['wall'] / 1e9:.2f} s"
