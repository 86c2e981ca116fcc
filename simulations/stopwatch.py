"""How long a run has worked, over all the processes that worked on it."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isofed.files import write_json


@dataclass
class Stopwatch:
    """A sink that keeps a run's times in a file, so that a resumed run reports them whole.

    What a killed process did after its last round is not counted.

    Args:
        path: the file, made at the first event.
        spent: seconds that earlier processes worked.
        setup: seconds until the data were ready, or None.
        first_reply: seconds from then to the first reply, or None.
        clock: seconds, monotonic.
    """

    path: Path
    spent: float = 0.0
    setup: float | None = None
    first_reply: float | None = None
    clock: Callable[[], float] = time.monotonic
    _started: float = 0.0
    _ready: float = 0.0

    @classmethod
    def start(
        cls, path: Path, clock: Callable[[], float] = time.monotonic, since: float | None = None
    ) -> "Stopwatch":
        """Begin, or go on from the file; one that cannot be read counts for nothing.

        Args:
            path: the file; another process that works in the folder may still write it.
            clock: seconds, monotonic.
            since: the clock's time at which this process began, default now.
        """
        try:
            known = {key: json.loads(path.read_text())[key] for key in ("spent", "setup", "first_reply")}
        except (OSError, ValueError, KeyError, TypeError):
            known = {}
        return cls(path, clock=clock, _started=clock() if since is None else since, **known)

    @property
    def total(self) -> float:
        """Seconds worked so far."""
        return self.spent + self.clock() - self._started

    def ready(self) -> None:
        """Take the time at which the data are ready; the first process to get there counts."""
        self._ready = self.clock()
        if self.setup is None:
            self.setup = self.total
            self.save()

    def __call__(self, name: str, **fields: Any) -> None:
        """Take an event: the first ``reply``, and every ``round_done``."""
        if name == "reply" and self.first_reply is None:
            self.first_reply = self.clock() - self._ready
            self.save()
        elif name == "round_done":
            self.save()

    def save(self) -> None:
        """Write down what was worked so far."""
        kept = asdict(self)
        write_json(self.path, {"spent": self.total, **{k: kept[k] for k in ("setup", "first_reply")}})
