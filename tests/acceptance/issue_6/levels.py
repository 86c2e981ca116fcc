#!/usr/bin/env python3
"""Every privacy level on every group of sites: it runs with the clients that it must have, or is refused.

    python tests/acceptance/issue_6/levels.py [--only WORD]

Each cell is `isofed simulate task=vein` as a person would start it, tiny. Three databases in a folder, one of
them with four sensors, tell `entity` and `camera` apart; two virtual sensors and drawn fingers are the other
two layouts. Each is drawn once. No checkpoint may hold a row of a head. Refused must be: what is declared
for a stricter level, a strategy that sends centres or the head, a level that there is not.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from command import DATA, TINY, isofed
from task_levels import Cell, Table, main

from isofed.files import load_state
from isofed.trees import Tree

TWO = {"camera": 2, "camera_strict": 2, "entity": 2, "sharing": 1}
GROUPS: Mapping[str, tuple[tuple[str, ...], Mapping[str, int]]] = {
    "vein_databases": (
        ("--databases", "sdumla+plusvein+vera"),
        {"camera": 6, "camera_strict": 6, "entity": 3, "sharing": 1},
    ),
    "vein_sensors": (("--sensors", "usm_like+vera_like", "--fingers", "4", "--samples", "2"), TWO),
    "fingerveinsyn": (("--fingers", "8", "--samples", "2", "--parts", "rois"), TWO),
}


def drawn(folder: Path) -> None:
    """Draw each group's tree."""
    for name, (words, _) in GROUPS.items():
        isofed("data", "make", name, "--out", str(folder / name), *words)


def cells(folder: Path) -> list[Cell]:
    """Draw the trees, and return every cell of the table."""
    drawn(folder)
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


def heads(folder: Path) -> list[str]:
    """Return the head's names in what the server wrote; under sharing there is no site but the trainer."""
    if json.loads((folder / "config.json").read_text())["protocol"]["name"] == "sharing":
        return []
    _, state = load_state(max((folder / "checkpoints").glob("*.ckpt")), "the checkpoint")
    trees = [tree for tree in state.values() if isinstance(tree, Tree)]
    return [f"a head: {name}" for tree in trees for name, _ in tree.items() if "head" in name]


if __name__ == "__main__":
    sys.exit(main(Table(cells, TINY, "EER", heads), __doc__))
