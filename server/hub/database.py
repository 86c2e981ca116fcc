"""Flower's database file, made before Flower finds it: with pages that suit models, not rows."""

import sqlite3
from contextlib import closing
from pathlib import Path

PAGE = 65536  # bytes, the most that SQLite has; its usual 4096 cut a piece of a model into thousands


def made(path: Path) -> None:
    """Make the file, where there is none; SQLite keeps the size of its pages for good.

    Flower then makes its tables in it and finds nothing unusual: no setting of its own is changed, and a
    file that it made itself serves as well, only more slowly.
    """
    if path.exists():
        return
    with closing(sqlite3.connect(path)) as file:
        file.execute(f"PRAGMA page_size = {PAGE}")
        file.execute("PRAGMA journal_mode = WAL")  # as Flower does; the page size is settled by it
