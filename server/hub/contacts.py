"""contacts.json: when each site was last heard of, and what it said of itself."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isofed.files import write_json

# what a site may say of itself in a sign of life, and of which type it is
SAID = {"incarnation": str, "run": str, "round": int, "busy": bool, "level": str, "free": int}
LONGEST = 100  # letters
EVERY = 0.5  # seconds between two writings


@dataclass
class Contacts:
    """Sites by name: ``{"heard": seconds since 1970, "node_started": likewise, "incarnation": ..., ...}``.

    ``incarnation`` changes whenever a site's SuperNode or worker starts anew: what it was asked before, and
    did not answer, it has forgotten.

    Args:
        path: the file; what it says is gone on from.
        now: the clock.
    """

    path: Path
    now: Callable[[], float] = time.time
    sites: dict[str, dict[str, Any]] = field(default_factory=dict)
    _written: float = -math.inf
    _dirty: bool = False

    @classmethod
    def open(cls, path: Path) -> "Contacts":
        """Go on with what an earlier gateway wrote."""
        return cls(path, sites=read_contacts(path))

    def heard(self, name: str, **said: Any) -> None:
        """Note that a site is there."""
        self.sites[name] = {**self.sites.get(name, {}), **said, "heard": self.now()}
        self._dirty = True

    def started(self, name: str) -> None:
        """Note that a site's SuperNode began anew."""
        self.heard(name, node_started=self.now())
        self._named(name)

    def alive(self, name: str, said: Mapping[str, Any]) -> None:
        """Note a sign of life; of what it says only what is known and of its type."""
        fit = {key: said[key] for key, kind in SAID.items() if isinstance(said.get(key), kind)}
        short = {key: value[:LONGEST] if isinstance(value, str) else value for key, value in fit.items()}
        self.heard(name, worker=short.pop("incarnation", ""), **short)
        self._named(name)

    def write(self) -> None:
        """Write the file, if there is news and the last writing is a while ago."""
        if self._dirty and time.monotonic() - self._written > EVERY:
            write_json(self.path, self.sites)
            self._written, self._dirty = time.monotonic(), False

    def _named(self, name: str) -> None:
        site = self.sites[name]
        site["incarnation"] = f"{site.get('node_started', 0):.3f}/{site.get('worker', '')}"


def read_contacts(path: Path) -> dict[str, dict[str, Any]]:
    """Return what the gateway wrote last; nothing where there is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
