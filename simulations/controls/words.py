"""The controls as text, printed under the closing table."""

from collections.abc import Mapping, Sequence
from typing import Any

SHOWN = 2  # measures, as at the top of the report, which has them all


def text(found: Mapping[str, Any]) -> str:
    """Return rows in per cent, differences in points, and each claim with whether it holds."""
    names = _names(found["rows"])
    blocks = [_rows(found["rows"], names), _pairs(found["pairs"], names), _verdicts(found["verdicts"])]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    measured = (name for row in rows for name, value in row.items() if isinstance(value, Mapping))
    return list(dict.fromkeys(measured))[:SHOWN]


def _rows(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    width = max(len(r["name"]) for r in rows) + 2
    head = f"{'controls, per cent':<{width}}" + "".join(f"{key:>14}" for key in names)
    head += f"{'steps':>9}  spread over"
    lines = [head, "-" * len(head)]
    for r in rows:
        cells = "".join(_shown(r.get(key), "8.1f") for key in names)
        over = f"{r['seeds']} seeds" if r["spread_over"] == "seeds" else r["spread_over"]
        lines.append(f"{r['name']:<{width}}{cells}{r['steps']:>9}  {over}")
    return lines


def _shown(measure: Mapping[str, float] | None, how: str) -> str:
    if measure is None:
        return f"{'–':>14}"
    return f"{100 * measure['mean']:{how}} ±{100 * measure['spread']:4.1f}"


def _pairs(pairs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    if not pairs:
        return []
    width = max(len(p["name"]) for p in pairs) + 2
    head = f"{'differences, points':<{width}}" + "".join(f"{key:>14}" for key in names) + f"{'seeds':>9}"
    lines = [head, "-" * len(head)]
    for p in pairs:
        given = [p.get(f"difference_{key}") for key in names]
        seeds = next((g["seeds"] for g in given if g), 0)
        lines.append(f"{p['name']:<{width}}" + "".join(_shown(g, "+8.1f") for g in given) + f"{seeds:>9}")
    return lines


def _verdicts(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{'holds' if v['holds'] else 'FAILS':<7}{v['claim']} ({v['found']})" for v in verdicts]
