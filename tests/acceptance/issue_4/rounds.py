#!/usr/bin/env python3
"""One round of every algorithm on every task, tiny, through the local engine: it runs, or says why not.

    python tests/acceptance/issue_4/rounds.py [--only WORD]

Tasks are those of the project, under `camera` and, where a head may stay at a site, `camera_strict`, and the
odd dummy tasks of the contract tests. Where a refusal says what to write (`write task.momentum=0`), that is
written and the cell tried again: a mend that does not mend is a fault. A cell that runs must have moved the
model, or, where sites keep it, their memories. Prints a line for each algorithm and the time; exits with 1
where a cell fails in another way, or where all together take more than three minutes.
"""

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "contracts"))

import torch
from cases import CASES, World
from dummies import DUMMIES

from isofed.errors import CompositionError
from isofed.simulations.federation import run
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS

LONGEST = 180.0  # seconds
MEND = re.compile(r"write ((task|strategy)\.(\w+)=([\w.]+))")


@dataclass(frozen=True)
class Cell:
    """What became of an algorithm on a task: the mends that were written, its refusal if any, seconds."""

    mends: tuple[str, ...]
    refusal: str
    seconds: float

    @property
    def word(self) -> str:
        """Return the cell of the table."""
        return "-" if self.refusal else "runs*" if self.mends else "runs"


def value(text: str) -> Any:
    """Return what a mend's word stands for."""
    known = {"true": True, "false": False}
    return known[text] if text in known else float(text) if text[0].isdigit() else text


def tried(world: World, strategy: str, folder: Path) -> Cell:
    """Play one round; write what a refusal asks for and try again, at most three times."""
    begun, mends = time.monotonic(), list[str]()
    more: dict[str, dict[str, Any]] = {"task": {}, "strategy": {"name": strategy}}
    while True:
        federation = world.federation(folder / f"try{len(mends)}", more["strategy"], rounds=1, **more["task"])
        try:
            moved(world, replace(federation, public=world.root))
            return Cell(tuple(mends), "", time.monotonic() - begun)
        except CompositionError as error:
            found = MEND.search(str(error))
            if found is None or (found[2] == "task" and not hasattr(world.options, found[3])):
                return Cell(tuple(mends), str(error), time.monotonic() - begun)
            assert found[1] not in mends, f"{found[1]} was written and did not mend: {error}"
            mends.append(found[1])
            more[found[2]][found[3]] = value(found[4])


def moved(world: World, federation: Any) -> None:
    """Run a federation and assert that its round was one."""
    before = run(
        replace(federation, cfg={**federation.cfg, "rounds": 0}, folder=federation.folder / "none"), Pool(1)
    )
    result = run(federation, Pool(1))
    last: Mapping[str, Any] = result["history"][-1]
    assert last["round"] == 1 and not last["refused"], last
    assert set(last["loss"]) <= set(world.sites) and all(value == value for value in last["loss"].values())
    assert result["weights_sha256"] != before["weights_sha256"], "nothing moved"


def worlds(folder: Path) -> Iterator[tuple[str, World]]:
    """Yield the tasks' small worlds by name."""
    roots: dict[str, Path] = {}
    for name, case in CASES.items():
        task = TASKS[name]
        if task.training is None:
            continue
        if case.layout not in roots:
            roots[case.layout] = folder / case.layout / "data"
            task.layouts[case.layout].make(roots[case.layout], 0, case.make, map, None)
        world = World(name, roots[case.layout], roots[case.layout].parent / "homes", case)
        yield name, world
        # where heads never leave, strict cameras are cameras
        if "camera_strict" in task.levels and task.refit and not task.private_head:
            yield f"{name}, strict", world.strict


def table(only: str, folder: Path) -> dict[str, dict[str, Cell]]:
    """Play every cell and print a row for each algorithm."""
    chosen = dict(worlds(folder))
    print(f"{'':<12}" + "".join(f"{name:>15}" for name in chosen))
    rows: dict[str, dict[str, Cell]] = {}
    for strategy in (name for name in STRATEGIES if only in name):
        places = {name: folder / strategy / name.replace(", ", "-") for name in chosen}
        rows[strategy] = {name: tried(world, strategy, places[name]) for name, world in chosen.items()}
        cells = "".join(f"{cell.word:>15}" for cell in rows[strategy].values())
        print(f"{strategy:<12}{cells}  {sum(c.seconds for c in rows[strategy].values()):5.1f} s", flush=True)
    return rows


def told(rows: Mapping[str, Mapping[str, Cell]]) -> None:
    """Print the mends and the refusals behind the table, each once."""
    cells = [cell for row in rows.values() for cell in row.values()]
    for mend in sorted({mend for cell in cells for mend in cell.mends}):
        print(f"* with {mend}")
    for refusal in sorted({re.sub(r"'\w+\(.*?\)'", "'...'", cell.refusal) for cell in cells if cell.refusal}):
        print(f"- {refusal}")


def main() -> int:
    """Read the command line, play every cell, and say what was seen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="algorithms whose name holds this word")
    given, begun = parser.parse_args(), time.monotonic()
    torch.set_num_threads(1)
    TASKS.update(DUMMIES)
    with tempfile.TemporaryDirectory(prefix="isofed-rounds-") as name:
        rows = table(given.only, Path(name))
    told(rows)
    seconds, cells = time.monotonic() - begun, sum(map(len, rows.values()))
    ran = sum(not cell.refusal for row in rows.values() for cell in row.values())
    print(f"{cells} cells, {ran} run, {cells - ran} refused, {seconds:.0f} s")
    if seconds > LONGEST:
        print(f"that is more than {LONGEST:.0f} s")
        return 1
    print("accepted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
