"""One round of every algorithm of the strategy layer on a task, under `camera` and `entity`, or its refusal.

Where a refusal says what to write (`write task.momentum=0`), that is written and the cell tried again. A cell
that runs must have moved the model. The means are those of issue_4/rounds.py.
"""

import argparse
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "issue_4"))

import rounds
import torch
from cases import CASES, World

from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS

TODO = re.compile(r"use \w|write \w|leave ")  # what a refusal ends with


def worlds(task: str, folder: Path) -> dict[str, World]:
    """Draw the task's small data, and return its worlds by privacy level."""
    case = CASES[task]
    TASKS[task].layouts[case.layout].make(folder / "data", 0, case.make, map, None)
    world = World(task, folder / "data", folder / "homes", case)
    return {
        level: replace(world, home=folder / f"{level} homes", protocol={**world.protocol, "name": level})
        for level in ("camera", "entity")
    }


def main(task: str, told: str | None) -> int:
    """Play every cell, print the table and the sentences behind it."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="algorithms whose name holds this word")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    rows: dict[str, dict[str, rounds.Cell]] = {}
    with tempfile.TemporaryDirectory(prefix="isofed-rounds-") as name:
        chosen = worlds(task, Path(name))
        print(f"{'':<14}" + "".join(f"{level:>10}" for level in chosen))
        for strategy in (each for each in STRATEGIES if only in each):
            rows[strategy] = {
                level: rounds.tried(world, strategy, Path(name) / level / strategy)
                for level, world in chosen.items()
            }
            print(f"{strategy:<14}" + "".join(f"{c.word:>10}" for c in rows[strategy].values()), flush=True)
    rounds.told(rows)
    return verdict([cell for row in rows.values() for cell in row.values()])


def verdict(cells: list[rounds.Cell]) -> int:
    """Print whether every refusal says what to do, and how many there are."""
    silent = sorted({cell.refusal for cell in cells if cell.refusal and not TODO.search(cell.refusal)})
    print("".join(f"FAILS: says nothing to do: {refusal}\n" for refusal in silent), end="")
    refused = sum(bool(cell.refusal) for cell in cells)
    print(f"{len(cells)} cells, {len(cells) - refused} run, {refused} refused")
    print("FAILED" if silent else "accepted")
    return bool(silent)
