"""What of a data set's own lists one person needs: the rows of the own videos, and nobody else's."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from isofed.tasks.micro_gesture.layouts.imigue import LISTS
from isofed.tasks.micro_gesture.layouts.listed import TABLE, walk
from isofed.tasks.micro_gesture.layouts.owners import Silo, listed, person
from isofed.tasks.micro_gesture.layouts.splits import sides
from isofed.tasks.task import EVALUATOR


def cut(root: Path, found: tuple[Silo, ...], site: str, options: Any) -> dict[str, bytes | None]:
    """Return the lists of iMiGUE and its table of videos, cut, by their paths below the root.

    Where a silo has nothing that the site needs, they are None.

    Args:
        root: of the tree.
        found: its silos; one in which all is the site's own has nothing to cut.
        site: a client, or the evaluator, who needs the tested videos.
        options: of the task.
    """
    cuts: dict[str, bytes | None] = {}
    for silo in found:
        if silo.alone or site == EVALUATOR:
            own, below = clips(silo, site, options), silo.root.relative_to(root)
            made = {**dict.fromkeys(_others(silo.root, own)), **_cut(silo.root, _videos(own))}
            cuts |= {(below / name).as_posix(): content for name, content in made.items()}
    return cuts


def clips(silo: Silo, site: str, options: Any) -> set[Path]:
    """Return the files of a site's clips."""
    found = listed(silo)
    if site == EVALUATOR:
        rows = sides(found, options)[1]
    else:
        whose = person(site)
        rows = np.arange(len(found)) if whose is None else np.flatnonzero(found.subjects == whose)
    return {found.spans[row].path for row in rows.tolist()}


def _videos(own: set[Path]) -> set[int]:
    """Return the numbers of videos, as published; files of SMG have no such numbers."""
    names = (path.name.partition("_")[0] for path in own)
    return {int(name) for name in names if name.isdigit()}


def _others(root: Path, own: set[Path]) -> list[str]:
    """Return the tables of others' gestures and emotions, which lie in a folder for each."""
    folders = {path.parent for path in own}
    return [path for path in walk(root, ".csv", "") if "/" in path and (root / path).parent not in folders]


def _cut(root: Path, own: set[int]) -> dict[str, bytes | None]:
    if not own:
        return dict.fromkeys((*LISTS, TABLE))
    made: dict[str, bytes | None] = {}
    for name in LISTS:
        if (root / name).is_file():
            keys = json.loads((root / name).read_text())
            made[name] = json.dumps([key for key in keys if _video(key) in own]).encode()
    if (root / TABLE).is_file():
        made[TABLE] = _table(root / TABLE, own)
    return made


def _video(key: str) -> int:
    number = key.partition("_")[0]
    return int(number) if number.isdigit() else -1


def _table(path: Path, own: set[int]) -> bytes:
    text = io.StringIO()
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        writer = csv.DictWriter(text, rows.fieldnames or (), lineterminator="\n")
        writer.writeheader()
        writer.writerows(row for row in rows if int(row["video_id"]) in own)
    return text.getvalue().encode()
