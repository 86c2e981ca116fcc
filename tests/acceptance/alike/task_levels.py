"""Simulations of a task that must run with certain clients, or be refused in a sentence; one line each."""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from task_command import isofed, one_sentence

RUN = ("rounds=1", "alone=false")


@dataclass(frozen=True)
class Cell:
    """One run: its words, the clients it must have, or a word of the sentence that refuses it."""

    name: str
    words: tuple[str, ...]
    clients: int = 0
    refused: str = ""


@dataclass(frozen=True)
class Table:
    """The runs of a task.

    Args:
        cells: (folder) to all of them; data that several share are drawn there.
        tiny: words that all of them have.
        measure: a number of the evaluation, a fraction that must be there.
        faults: (folder of a run) to what else is wrong with it.
    """

    cells: Callable[[Path], Iterable[Cell]]
    tiny: Sequence[str]
    measure: str
    faults: Callable[[Path], Sequence[str]] = lambda folder: ()


def judge(table: Table, cell: Cell, folder: Path) -> tuple[str, str]:
    """Run a cell; return what was said of it, and what is wrong with it or nothing."""
    ended = isofed("simulate", *table.tiny, *RUN, *cell.words, f"hydra.run.dir={folder}")
    said = ended.stderr.strip()
    if cell.refused:
        well = ended.returncode and one_sentence(said) and cell.refused in said and not folder.exists()
        return said.removeprefix("isofed: "), "" if well else f"exit code {ended.returncode}"
    if ended.returncode:
        return said, f"exit code {ended.returncode}"
    summary = json.loads((folder / "summary.json").read_text())
    measured, clients = summary["metrics"]["federated"].get(table.measure, -1.0), len(summary["sites"])
    faults = [*table.faults(folder)]
    faults += [f"expected {cell.clients} clients"] * (clients != cell.clients)
    faults += [f"there is no {table.measure}"] * (not 0 <= measured <= 1)
    return f"{clients} clients, {table.measure} {100 * measured:.1f} %", "; ".join(faults)


def main(table: Table, told: str | None) -> int:
    """Read the command line, run all cells and print the table; 0 if every one is as it should be."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="run the cells whose name holds this")
    only, bad = parser.parse_args().only, 0
    with tempfile.TemporaryDirectory(prefix="isofed-levels-") as name:
        chosen = [cell for cell in table.cells(Path(name)) if only in cell.name]
        for number, cell in enumerate(chosen):
            begun = time.monotonic()
            said, wrong = judge(table, cell, Path(name) / f"run{number}")
            bad += bool(wrong)
            spent = time.monotonic() - begun
            print(f"{cell.name:<46}{spent:5.1f} s  {'refused: ' * bool(cell.refused)}{said}", flush=True)
            print(f"  FAILS: {wrong}\n" * bool(wrong), end="", flush=True)
    print("accepted" if not bad else f"FAILS: {bad} of {len(chosen)} cells")
    return bool(bad)
