"""A log of one JSON object a line, which cannot fill a disk."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST = 4 << 20  # bytes; a file of twice as many in all


@dataclass(frozen=True)
class Lines:
    """Lines in a file; when it is full it becomes ``NAME.old`` and a new one begins.

    Args:
        path: the file.
        most: bytes after which it is full.
    """

    path: Path
    most: int = MOST

    def write(self, **fields: Any) -> None:
        """Add one line, with the time."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": stamp, **fields}) + "\n")
            full = file.tell() > self.most
        if full:
            self.path.replace(self.path.with_name(self.path.name + ".old"))
