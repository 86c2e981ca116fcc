#!/usr/bin/env python3
"""One round of every algorithm of the strategy layer on the task micro_gesture: it runs, or says why not.

    python tests/acceptance/issue_9/algorithms.py [--only WORD]

Two drawn rooms, the second of which knows nobody's emotion, under `camera` and `entity`. As
issue_6/algorithms.py: where a refusal says what to write, that is written and the cell tried again.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from beside import script

NAME = "micro_gesture"


def worlds(folder: Path) -> dict[str, Any]:
    """Draw the rooms, and return their worlds by privacy level."""
    from cases import CASES, World

    from isofed.tasks import TASKS

    case = CASES[NAME]
    TASKS[NAME].layouts[case.layout].make(folder / "data", 0, case.make, map, None)
    world = World(NAME, folder / "data", folder / "homes", case)
    return {
        level: replace(world, home=folder / f"{level} homes", protocol={**world.protocol, "name": level})
        for level in ("camera", "entity")
    }


if __name__ == "__main__":
    means = script("algorithms")
    means.worlds = worlds
    sys.exit(means.main())
