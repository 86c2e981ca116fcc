"""When it is worth asking the SuperLink again: it writes down whatever changes, and its files tell when."""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

LOOK = 0.02  # seconds between two looks at the files, while somebody waits
ANYWAY = 1.0  # seconds after which it is asked whatever the files say
BLIND = 0.25  # the same where there are no files to look at
QUIET = 0.5  # seconds without a change
GAPS = (0.05, 0.1, 0.2, 0.4)  # seconds between two questions while the files go on changing


@dataclass
class Bell:
    """Rings when the SuperLink's database changed.

    Args:
        database: SQLite's file; its journal lies beside.
    """

    database: Path
    changed: float = 0.0
    _stamp: tuple[tuple[int, int], ...] = ()
    _waiting: int = 0
    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def watch(self) -> None:
        """Look at the files for ever, while somebody waits."""
        while True:
            await asyncio.sleep(LOOK)
            if self._waiting and (stamp := self._files()) != self._stamp:
                self._stamp, self.changed = stamp, time.monotonic()
                self._rung.set()
                self._rung = asyncio.Event()

    async def wait(self, gap: float) -> None:
        """Return when the database changed, but not before ``gap`` seconds, nor much later than a second."""
        asked = time.monotonic()
        self._waiting += 1
        try:
            await asyncio.sleep(gap)
            if self.changed < asked:
                await self._ring(ANYWAY if self._stamp else BLIND)
        finally:
            self._waiting -= 1

    async def _ring(self, most: float) -> None:
        try:
            async with asyncio.timeout(most):
                await self._rung.wait()
        except TimeoutError:
            pass

    def _files(self) -> tuple[tuple[int, int], ...]:
        found = []
        for path in (self.database, self.database.with_name(self.database.name + "-wal")):
            if path.exists():
                about = path.stat()
                found.append((about.st_mtime_ns, about.st_size))
        return tuple(found)
