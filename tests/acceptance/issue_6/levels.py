#!/usr/bin/env python3
"""Every privacy level on every group of sites: it runs with the clients that it must have, or is refused.

    python tests/acceptance/issue_6/levels.py [--only WORD]

Each cell is `isofed simulate task=vein` as a person would start it, tiny. Three databases in a folder, one of
them with four sensors, tell `entity` and `camera` apart; two virtual sensors and drawn fingers are the other
two layouts. Each is drawn once. No checkpoint may hold a row of a head. Refused must be: what is declared
for a stricter level, a strategy that sends centres or the head, a level that there is not.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from command import DATA, TINY, isofed, one_sentence

from isofed.files import load_state
from isofed.trees import Tree

RUN = ("rounds=1", "alone=false")
TWO = {"camera": 2, "camera_strict": 2, "entity": 2, "sharing": 1}
GROUPS: Mapping[str, tuple[tuple[str, ...], Mapping[str, int]]] = {
    "vein_databases": (
        ("--databases", "sdumla+plusvein+vera"),
        {"camera": 6, "camera_strict": 6, "entity": 3, "sharing": 1},
    ),
    "vein_sensors": (("--sensors", "usm_like+vera_like", "--fingers", "4", "--samples", "2"), TWO),
    "fingerveinsyn": (("--fingers", "8", "--samples", "2", "--parts", "rois"), TWO),
}


@dataclass(frozen=True)
class Cell:
    """One run: its words, the clients it must have, or how the sentence that refuses it must read."""

    name: str
    words: tuple[str, ...]
    clients: int = 0
    refused: str = ""


def drawn(folder: Path) -> None:
    """Draw each group's tree."""
    for name, (words, _) in GROUPS.items():
        isofed("data", "make", name, "--out", str(folder / name), *words)


def cells(folder: Path) -> list[Cell]:
    """Return every cell of the table."""
    found = [
        Cell(f"{name}, {level}", (f"data={name}", f"data.root={folder / name}", f"protocol={level}"), clients)
        for name, (_, levels) in GROUPS.items()
        for level, clients in levels.items()
    ]
    strict = ("protocol=camera_strict", "strategy=cgpr", "protocol.centres=plain")
    return [
        *found,
        Cell("sharing of what is declared for camera", (*DATA, "protocol=sharing", "data.declared=camera"), 0,
             "which is weaker"),
        Cell("entity of what is declared for camera_strict",
             (*DATA, "protocol=entity", "data.declared=camera_strict"), 0, "which is weaker"),
        Cell("dppt, which averages rows by number", (*DATA, "strategy=dppt"), 0, "use strategy=fedavg"),
        Cell("cgpr, whose centres are opened", (*DATA, *strict), 0, "centres"),
        Cell("the head alone", (*DATA, "strategy=lgfedavg"), 0, "heads stay at the sites"),
        Cell("a level that there is not", (*DATA, "protocol=entitty"), 0, "entity"),
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
    measured = summary["metrics"]["federated"].get("EER", -1.0)
    told = f"{len(summary['sites'])} clients, EER {100 * measured:.1f} %"
    well = len(summary["sites"]) == cell.clients and 0 <= measured <= 1
    return told, "" if well and not heads(
        folder
    ) else f"expected {cell.clients} clients; heads: {heads(folder)}"


def heads(folder: Path) -> list[str]:
    """Return the head's names in what the server wrote; under sharing there is no site but the trainer."""
    if json.loads((folder / "config.json").read_text())["protocol"]["name"] == "sharing":
        return []
    _, state = load_state(max((folder / "checkpoints").glob("*.ckpt")), "the checkpoint")
    trees = [tree for tree in state.values() if isinstance(tree, Tree)]
    return [name for tree in trees for name, _ in tree.items() if "head" in name]


def main() -> int:
    """Run all cells and print the table; 0 if every one is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", default="", help="run the cells whose name holds this")
    only, bad = parser.parse_args().only, 0
    with tempfile.TemporaryDirectory(prefix="isofed-vein-levels-") as name:
        drawn(Path(name))
        chosen = [cell for cell in cells(Path(name)) if only in cell.name]
        for number, cell in enumerate(chosen):
            begun = time.monotonic()
            told, wrong = judge(cell, Path(name) / f"run{number}")
            bad += bool(wrong)
            spent = time.monotonic() - begun
            print(f"{cell.name:<46}{spent:5.1f} s  {'refused: ' * bool(cell.refused)}{told}", flush=True)
            print(f"  FAILS: {wrong}\n" * bool(wrong), end="", flush=True)
    print("accepted" if not bad else f"FAILS: {bad} of {len(chosen)} cells")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
