"""From folders of runs to compare.html, compare.json and a plain table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isofed import __version__
from isofed.errors import ConfigError
from isofed.files import write_json
from isofed.simulations.compare.own import place
from isofed.simulations.compare.page import page, shared, shown
from isofed.simulations.compare.runs import Left, Run, find, read
from isofed.simulations.compare.table import Comparison, Number, Row, curve, paired, tabulate
from isofed.simulations.report.document import write_page
from isofed.simulations.report.words import MISSING, duration, percent_pm, size

PAGE, NUMBERS = "compare.html", "compare.json"


def compare(folders: Sequence[Path], out: Path) -> Comparison:
    """Compare finished runs and write ``out/compare.html`` and ``out/compare.json``.

    Args:
        folders: of runs, or with runs in them, such as that of a ``--multirun``.
        out: where to write; it is made where it is missing.

    Raises:
        ConfigError: a folder holds no run, or no run is finished.
    """
    read_all = [read(folder) for folder in find(folders)]
    left = [found for found in read_all if isinstance(found, Left)]
    runs = [found for found in read_all if isinstance(found, Run)]
    if not runs:
        raise ConfigError(f"no run is finished; of '{left[0].folder}': {left[0].why}")
    found, out = tabulate(runs, left), out.resolve()
    write_page(out / PAGE, page(found, out))
    write_json(out / NUMBERS, numbers(found, out))
    return found


def numbers(found: Comparison, out: Path) -> dict[str, Any]:
    """Return the object of compare.json; fractions, seconds, bytes, each with mean, spread and all values."""
    return {
        "version": __version__,
        "spread": "sample standard deviation over seeds",
        "settings": [_setting(row, found, out) for row in found.rows],
        "left_out": [{"run": shown(left.folder, out), "why": left.why} for left in found.left],
        "shared": shared(found),
    }


def _setting(row: Row, found: Comparison, out: Path) -> dict[str, Any]:
    differences = {name: _number(paired(row, found.rows[0], name)) for name in found.measures}
    curves = {name: curve(row.runs, *place(name, found.own)) for name in found.measures}
    return {
        "name": row.setting.name,
        "differs": dict(row.setting.differs),
        "model": row.selected or "last round",
        "runs": [shown(run.folder, out) for run in row.runs],
        "seeds": [dict(zip(("seed", "data_seed", "split"), run.seeds, strict=True)) for run in row.runs],
        "metrics": {name: _number(value) for name, value in row.metrics.items()},
        "untrained": {name: _number(value) for name, value in row.untrained.items()},
        "difference_to_first": differences,
        "seconds": _number(row.seconds),
        "sent_bytes": _number(row.sent),
        "received_bytes": _number(row.received),
        "curves": {
            name: [[at, value.mean, value.spread] for at, value in told] for name, told in curves.items()
        },
    }


def _number(value: Number | None) -> dict[str, Any] | None:
    return None if value is None else {"mean": value.mean, "spread": value.spread, "each": list(value.each)}


def text(found: Comparison) -> str:
    """Return the table for a terminal: per cent, mean ± sample standard deviation over seeds."""
    heads = ["per cent", "runs", *found.measures, "rounds", "sent"]
    body = [[row.setting.name, str(len(row.runs)), *_cells(row, found.measures)] for row in found.rows]
    widths = [max(len(line[n]) for line in (heads, *body)) for n in range(len(heads))]
    lines = [_line(line, widths) for line in (heads, *body)]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join([*lines, *[f"left out: {left.folder} ({left.why})" for left in found.left]])


def _cells(row: Row, measures: Sequence[str]) -> list[str]:
    found = [row.metrics.get(name) for name in measures]
    return [
        *[MISSING if value is None else percent_pm(value.mean, value.spread) for value in found],
        MISSING if row.seconds is None else duration(row.seconds.mean),
        MISSING if row.sent is None else size(row.sent.mean),
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([f"{first[0]:<{first[1]}}", *[f"{cell:>{width}}" for cell, width in others]])
