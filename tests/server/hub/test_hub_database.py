"""Flower takes the database that was made for it, and what passes fits through the gateway."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from flwr.supercore.object_store.object_store_factory import ObjectStoreFactory

from isofed.__main__ import PIECE
from isofed.protocols import fleet
from isofed.server.hub import database


def page(path: Path) -> int:
    """Return the bytes of a file's pages."""
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute("PRAGMA page_size").fetchone()[0])


@pytest.mark.filterwarnings("ignore:No path_separator found:DeprecationWarning")  # Flower's, not ours
def test_flower_makes_its_tables_in_the_file_and_keeps_its_pages(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database.made(path)
    assert len(ObjectStoreFactory(str(path)).store()) == 0
    assert page(path) == database.PAGE == 65536
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE kept (a)")
    before = path.read_bytes()
    database.made(path)
    assert path.read_bytes() == before and page(path) != database.PAGE


@pytest.mark.slow
def test_a_piece_of_an_array_is_what_flower_cuts_and_the_gateway_takes() -> None:
    code = (
        "import isofed.__main__ as m, contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()): m.main(['list', 'layouts'])\n"
        "from flwr.common.constant import FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE as size\n"
        "print(size)"
    )
    name = "FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE"
    clean = {key: value for key, value in os.environ.items() if key != name}
    said = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True, check=True)
    assert int(said.stdout) == PIECE
    assert PIECE + 65536 < fleet.BODY
