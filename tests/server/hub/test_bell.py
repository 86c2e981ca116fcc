"""When the SuperLink is asked again, by a clock that jumps to where the next one sleeps to."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isofed.server.hub import bell
from isofed.server.hub.bell import Bell


@contextmanager
def jumping(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Runner]:
    """Run in a time that passes while everybody sleeps, and only then."""
    now = [1000.0]

    def made() -> asyncio.AbstractEventLoop:
        loop: Any = asyncio.SelectorEventLoop()
        select = loop._selector.select

        def jump(timeout: float | None) -> Any:
            found = select(0)
            now[0] += 0.0 if found else (timeout or 0.0)
            return found

        monkeypatch.setattr(loop, "time", lambda: now[0])
        monkeypatch.setattr(loop._selector, "select", jump)
        return loop  # type: ignore[no-any-return]

    monkeypatch.setattr(bell, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with asyncio.Runner(loop_factory=made) as runner:
        yield runner


def waited(
    monkeypatch: pytest.MonkeyPatch, database: Path, gap: float, write_after: float | None = None
) -> float:
    """Return the seconds for which somebody waited, while the database is written to after some time."""

    async def main() -> float:
        rings, loop = Bell(database), asyncio.get_running_loop()
        watching = asyncio.ensure_future(rings.watch())
        await rings.wait(0.05)  # what the files are like is seen at the first look
        began = loop.time()
        waiting = asyncio.ensure_future(rings.wait(gap))
        if write_after is not None:
            await asyncio.sleep(write_after)
            database.with_name(database.name + "-wal").write_bytes(b"page")
        await waiting
        watching.cancel()
        return loop.time() - began

    with jumping(monkeypatch) as runner:
        return runner.run(main())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "superlink.db"
    path.write_bytes(b"empty")
    return path


def near(seconds: float) -> Any:
    """Return what equals so many seconds, or what two looks make of them."""
    return pytest.approx(seconds + bell.LOOK, abs=bell.LOOK + 1e-6)


def test_it_rings_when_the_journal_changes(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    assert waited(monkeypatch, database, 0.05, write_after=0.1) == near(0.1)


def test_it_does_not_ring_before_the_gap(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    assert waited(monkeypatch, database, 0.3, write_after=0.05) == near(0.3)


def test_it_is_not_waited_for_longer_than_a_second(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    assert waited(monkeypatch, database, 0.05) == near(0.05 + bell.ANYWAY)


def test_without_files_it_is_asked_more_often(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert waited(monkeypatch, tmp_path / "none", 0.05) == near(0.05 + bell.BLIND)
