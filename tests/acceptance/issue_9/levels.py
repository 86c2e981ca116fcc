#!/usr/bin/env python3
"""Every privacy level on every layout: it runs with the clients that it must have, or is refused.

    python tests/acceptance/issue_9/levels.py [--only WORD]

Each cell is `isofed simulate task=micro_gesture` as a person would start it, tiny. Under `entity` a client is
a person of a data set, or a room; under `camera` a room. Refused must be: `camera` where nobody wrote down
who filmed, `camera_strict`, which keeps identities that this task has not, what is declared for a stricter
level, a level that there is not.
"""

import sys
from pathlib import Path

from command import TINY
from task_levels import Cell, Table, main

ROOMS = ("data=micro_gesture_silos", "data.make.silos=3", "data.make.subjects=4", "data.make.videos=2")
ONE = ("data.make.subjects=4", "data.make.videos=2", "data.make.clips=2")
ALONE = ("imigue", "imigue_miga", "smg", "smg_miga")


def cells(folder: Path) -> list[Cell]:
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


if __name__ == "__main__":
    sys.exit(main(Table(cells, TINY, "clip accuracy"), __doc__))
