#!/usr/bin/env python3
"""Every privacy level on every fold of CD6ME: it runs with the clients that it must have, or is refused.

    python tests/acceptance/issue_10/levels.py [--only WORD]

Each cell is `isofed simulate task=action_units` as a person would start it, tiny, on one tree. Under `entity`
and `camera` a client is a database, which one laboratory filmed with one camera; `sharing` pools the five.
Refused must be: `camera_strict`, which keeps identities that this task has not, what is declared for a
stricter level, strategies that look a label up as a row, a level that there is not.
"""

import sys
from pathlib import Path

from command import DATA, TINY, isofed
from task_levels import Cell, Table, main

from isofed.tasks.action_units.labels import KEYS

MADE = ("--subjects", "2", "--clips", "3", "--size", "48", "--frames", "4")
LEVELS = {"camera": 5, "entity": 5, "sharing": 1}


def cells(folder: Path) -> list[Cell]:
    """Draw the databases, and return every cell of the table."""
    isofed("data", "make", "cd6me_to_samm", "--out", str(folder / "data"), *MADE)
    root = f"data.root={folder / 'data'}"
    folds = [
        Cell(f"{key} tested, {level}", (f"data=cd6me_to_{key}", root, f"protocol={level}"), count)
        for key in KEYS
        for level, count in LEVELS.items()
    ]
    several = "may be of several at once"
    return [
        *folds,
        Cell("drawn for the run", (*DATA, "protocol=entity"), 5),
        Cell("camera_strict", (*DATA, "protocol=camera_strict"), 0, "camera_strict"),
        Cell(
            "declared for camera", (*DATA, "protocol=sharing", "data.declared=camera"), 0, "which is weaker"
        ),
        Cell("dppt, which looks labels up", (*DATA, "strategy=dppt"), 0, several),
        Cell("fedproto, which looks labels up", (*DATA, "strategy=fedproto"), 0, several),
        Cell("a level that there is not", (*DATA, "protocol=entitty"), 0, "entity"),
    ]


if __name__ == "__main__":
    sys.exit(main(Table(cells, TINY, "macro F1"), __doc__))
