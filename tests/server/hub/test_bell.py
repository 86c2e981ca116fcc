"""When the SuperLink is asked again."""

import asyncio
import time
from pathlib import Path

import pytest

from isofed.server.hub import bell
from isofed.server.hub.bell import Bell


def waited(database: Path, gap: float, write_after: float | None = None) -> float:
    """Return the seconds for which somebody waited, while the database is written to after some time."""

    async def main() -> float:
        rings = Bell(database)
        watching = asyncio.ensure_future(rings.watch())
        await rings.wait(0.05)  # what the files are like is seen at the first look
        began = time.monotonic()
        waiting = asyncio.ensure_future(rings.wait(gap))
        if write_after is not None:
            await asyncio.sleep(write_after)
            database.with_name(database.name + "-wal").write_bytes(b"page")
        await waiting
        watching.cancel()
        return time.monotonic() - began

    return asyncio.run(main())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "superlink.db"
    path.write_bytes(b"empty")
    return path


def test_it_rings_when_the_journal_changes(database: Path) -> None:
    assert 0.1 <= waited(database, 0.05, write_after=0.1) < 0.6


def test_it_does_not_ring_before_the_gap(database: Path) -> None:
    assert 0.3 <= waited(database, 0.3, write_after=0.05) < 0.6


def test_it_is_not_waited_for_longer_than_a_second(database: Path) -> None:
    assert bell.ANYWAY <= waited(database, 0.05) < bell.ANYWAY + 0.6


def test_without_files_it_is_asked_more_often(tmp_path: Path) -> None:
    assert bell.BLIND <= waited(tmp_path / "none", 0.05) < bell.BLIND + 0.5
