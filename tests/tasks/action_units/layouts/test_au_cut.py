"""What of the label table a site's part of a trial holds: its own rows, without those who are tested too."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isofed.tasks.action_units.labels import KEYS, TABLE, read_table
from isofed.tasks.action_units.layouts.layout import LAYOUTS
from isofed.tasks.task import EVALUATOR

FOLD = LAYOUTS["cd6me_to_samm"]


def cut(root: Path, site: str, out: Path) -> Any:
    """Return the rows that a site gets."""
    content = FOLD.lists(root, site, None)[TABLE]
    assert content is not None
    (out / TABLE).write_bytes(content)
    return read_table(out / TABLE)


@pytest.mark.parametrize("site", [key for key in KEYS if key != "samm"])
def test_a_site_has_the_rows_of_its_own_database(site: str, au_tree: Path, tmp_path: Path) -> None:
    rows = cut(au_tree, site, tmp_path)
    assert rows == tuple(clip for clip in read_table(au_tree / TABLE) if clip.database == site)
    assert rows


def test_the_evaluator_has_the_rows_of_the_tested_one(au_tree: Path, tmp_path: Path) -> None:
    assert {clip.database for clip in cut(au_tree, EVALUATOR, tmp_path)} == {"samm"}


def test_who_is_tested_in_another_database_is_not_told(au_tree: Path, tmp_path: Path) -> None:
    with (au_tree / TABLE).open(newline="") as file:
        head, *rows = csv.reader(file)
    database, subject, material = (head.index(name) for name in ("dataset", "subject", "material"))
    tested = next(row for row in rows if row[database] == "samm")
    whose = next(row[subject] for row in rows if row[database] == "casme")
    doubled = [*tested]
    doubled[database] = "casme"
    for row in rows:  # one recording of a CASME subject is SAMM's, too
        if row[database] == "casme" and row[subject] == whose:
            row[subject] = tested[subject]
    spelt: Callable[[Path], None] = lambda path: _write(path, [head, *rows, doubled])  # noqa: E731
    spelt(tmp_path / TABLE)
    kept = cut(tmp_path, "casme", _folder(tmp_path / "cut"))
    assert kept and tested[subject] not in {clip.subject for clip in kept}
    assert material >= 0


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
