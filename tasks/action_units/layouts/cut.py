"""What of the merged label table one site needs: the rows of its own database, and nobody else's."""

import csv
import io
from pathlib import Path
from typing import Any

from isofed.tasks.action_units.labels import COLUMNS, KEYS, TABLE, sides
from isofed.tasks.action_units.layouts.listing import table
from isofed.tasks.action_units.layouts.owners import POOLED
from isofed.tasks.task import EVALUATOR


def cut(root: Path, site: str, tested: str, options: Any) -> dict[str, bytes | None]:
    """Return the table, cut, by its path below the root.

    Who is filmed in the tested database as well is left out here: the site cannot tell from its own rows.

    Args:
        root: of the tree.
        site: a database that trains, all that train, or the evaluator.
        tested: the database that is left out.
        options: of the task.
    """
    wanted = [key for key in KEYS if key != tested] if site == POOLED else [site]
    train, test, _ = sides(table(root), tested)
    clips = test if site == EVALUATOR else [clip for clip in train if clip.database in wanted]
    own = {(clip.database, clip.subject, clip.material) for clip in clips}
    text = io.StringIO()
    with (root / TABLE).open(newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(next(rows))
        writer.writerows(row for row in rows if row and _key(row) in own)
    return {TABLE: text.getvalue().encode()}


def _key(row: list[str]) -> tuple[str, str, str]:
    told = dict(zip(COLUMNS, row, strict=False))
    return told["dataset"], told["subject"], told["material"]
