#!/usr/bin/env python3
"""Every privacy level on every layout: it runs with the clients that it must have, or is refused.

    python tests/acceptance/issue_9/levels.py [--only WORD]

Each cell is `isofed simulate task=micro_gesture` as a person would start it, tiny. Under `entity` a client is
a person of a data set, or a room; under `camera` a room. Refused must be: `camera` where nobody wrote down
who filmed, `camera_strict`, which keeps identities that this task has not, what is declared for a stricter
level, a level that there is not.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from command import TINY, isofed, one_sentence

RUN = ("rounds=1", "alone=false")
ROOMS = ("data=micro_gesture_silos", "data.make.silos=3", "data.make.subjects=4", "data.make.videos=2")
ONE = ("data.make.subjects=4", "data.make.videos=2", "data.make.clips=2")
ALONE = ("imigue", "imigue_miga", "smg", "smg_miga")


@dataclass(frozen=True)
class Cell:
    """One run: its words, the clients it must have, or a word of the sentence that refuses it."""

    name: str
    words: tuple[str, ...]
    clients: int = 0
    refused: str = ""


def cells() -> list[Cell]:
    """Return every cell of the table."""
    people = [Cell(f"{n}, entity", (f"data={n}", *ONE, "protocol=entity"), 3) for n in ALONE]
    pools = [Cell(f"{n}, sharing", (f"data={n}", *ONE, "protocol=sharing"), 1) for n in ALONE]
    cameras = [Cell(f"{n}, camera", (f"data={n}", *ONE, "protocol=camera"), 0, "camera") for n in ALONE]
    rooms = [
        Cell(f"rooms, {level}", (*ROOMS, "data.make.clips=2", f"protocol={level}"), count)
        for level, count in (("camera", 3), ("entity", 3), ("sharing", 1))
    ]
    subjects = ("task.split=subjects", "protocol=entity")
    return [
        *people,
        *pools,
        *cameras,
        *rooms,
        Cell("rooms, tested on strangers", (*ROOMS, *subjects), 3),
        Cell("rooms of SMG's joints", (*ROOMS, "data.make.format=smg", "protocol=camera"), 3),
        Cell("rooms, camera_strict", (*ROOMS, "protocol=camera_strict"), 0, "camera_strict"),
        Cell("declared for camera", (*ROOMS, "protocol=sharing", "data.declared=camera"), 0,
             "which is weaker"),
        Cell("a level that there is not", (*ROOMS, "protocol=entitty"), 0, "entity"),
    ]  # fmt: skip


def judge(cell: Cell, folder: Path) -> tuple[str, str]:
    """Run a cell; return what was said of it, and what is wrong with it or nothing."""
    ended = isofed("simulate", *TINY, *RUN, *cell.words, f"hydra.run.dir={folder}")
    said = ended.stderr.strip()
    if cell.refused:
        well = ended.returncode and one_sentence(said) and cell.refused in said and not folder.exists()
        return said.removeprefix("isofed: "), "" if well else f"exit code {ended.returncode}"
    if ended.returncode:
        return said, f"exit code {ended.returncode}"
    summary = json.loads((folder / "summary.json").read_text())
    found = summary["metrics"]["federated"]["clip accuracy"]
    well = len(summary["sites"]) == cell.clients and 0 <= found <= 1
    told = f"{len(summary['sites'])} clients, clip accuracy {100 * found:.1f} %"
    return told, "" if well else f"expected {cell.clients} clients"


def main() -> int:
    """Run all cells and print the table; 0 if every one is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="run the cells whose name holds this")
    only, bad = parser.parse_args().only, 0
    with tempfile.TemporaryDirectory(prefix="isofed-gesture-levels-") as name:
        chosen = [cell for cell in cells() if only in cell.name]
        for number, cell in enumerate(chosen):
            begun = time.monotonic()
            told, wrong = judge(cell, Path(name) / f"run{number}")
            bad += bool(wrong)
            spent = time.monotonic() - begun
            print(f"{cell.name:<32}{spent:5.1f} s  {'refused: ' * bool(cell.refused)}{told}", flush=True)
            print(f"  FAILS: {wrong}\n" * bool(wrong), end="", flush=True)
    print("accepted" if not bad else f"FAILS: {bad} of {len(chosen)} cells")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
