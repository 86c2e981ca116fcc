"""A workload's measurement as a table in Markdown."""

import statistics
from collections.abc import Sequence
from typing import Any

from engines import ENGINES
from figures import ratio

COLUMNS = (
    *("engine", "processes x threads", "time / {base}", "CPU / {base}", "seconds", "first, s"),
    *("PSS, GB", "RSS, GB", "weights"),
)


def rows(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    head = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return "\n".join(head + ["| " + " | ".join(line) + " |" for line in lines])


def table(found: dict[str, Any], base: str) -> str:
    """Return what a workload cost each engine, times divided by those of ``base``."""
    engines = found["engines"]
    base = base if base in engines else next(iter(engines))
    columns = [column.format(base=f"`{base}`") for column in COLUMNS]
    return rows(columns, [_row(name, engines, base) for name in engines])


def _row(name: str, engines: dict[str, Any], base: str) -> list[str]:
    own, engine = engines[name], ENGINES[name]
    ratios = [ratio(engines, name, base, kind) for kind in ("wall", "cpu")]
    return [
        f"{engine.words} (`{name}`)",
        f"{engine.workers} x {engine.threads}",
        *("" if figure is None else figure.written() for figure in ratios),
        f"{statistics.median(own['wall']):.3f}" if own["wall"] else "",
        f"{own['first']:.1f}",
        *("not told" if own[kind] is None else f"{own[kind] / 1e9:.2f}" for kind in ("pss", "rss")),
        _same(own["weights"]),
    ]


def _same(weights: dict[str, Any] | None) -> str:
    if weights is None:
        return "not compared"
    if weights["same_bits"]:
        return f"bits of `{weights['of']}`"
    return f"{'close to' if weights['close'] else 'DIFFER from'} `{weights['of']}`, {weights['most']:.1e}"
