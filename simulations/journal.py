"""What happened beside the rounds, one line each, for whoever reads a run afterwards."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = ("lost", "back", "again", "refused", "attempt_failed", "starting")


@dataclass(frozen=True)
class Journal:
    """A sink that appends the events of :data:`KEPT` to a file of JSON lines, with their time.

    Args:
        path: the file.
        now: the clock, seconds since 1970.
    """

    path: Path
    now: Callable[[], float] = time.time

    def __call__(self, name: str, **fields: Any) -> None:
        """Take an event."""
        if name in KEPT:
            line = json.dumps({"time": round(self.now(), 3), "event": name, **fields})
            with self.path.open("a") as file:
                file.write(line + "\n")
