"""Which sites are there: lost when nothing was heard of them for a while, back when they speak again."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isofed.events import Emit, silent
from isofed.server.hub.contacts import read_contacts

LOST = 12.0  # seconds; a site gives a sign of life every three
LOOK = 0.5  # seconds between two looks at the file


@dataclass
class Watch:
    """What the gateway hears of the sites, looked at now and then.

    Args:
        path: of contacts.json; None where no gateway writes one: then every site counts as there.
        sites: the names to look for.
        emit: told ``lost`` and ``back``, once each, with the ``site``.
        now: the clock of contacts.json.
    """

    path: Path | None
    sites: Iterable[str] = ()
    emit: Emit = silent
    now: Callable[[], float] = time.time
    _heard: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _lost: set[str] = field(default_factory=set)
    _began: float = math.nan
    _looked: float = -math.inf

    def look(self) -> None:
        """Read the file, if the last look is a while ago, and tell who is lost and who is back."""
        now = self.now()
        if self.path is None or 0 <= now - self._looked < LOOK:
            return
        self._looked, self._heard = now, read_contacts(self.path)
        self._began = now if math.isnan(self._began) else self._began
        for site in self.sites:
            if self.silence(site) > LOST and site not in self._lost:
                self._lost.add(site)
                self.emit("lost", site=site)
            elif self.silence(site) <= LOST and site in self._lost:
                self._lost.remove(site)
                self.emit("back", site=site)

    def silence(self, site: str) -> float:
        """Return the seconds since a site was heard; of one never heard, since the first look."""
        if self.path is None or math.isnan(self._began):
            return 0.0
        return self.now() - max(float(self._heard.get(site, {}).get("heard", 0.0)), self._born(site))

    def _born(self, site: str) -> float:
        # a site that is not there when a run begins has its seconds to come
        return self._began if "heard" not in self._heard.get(site, {}) else 0.0

    def lost(self, site: str) -> bool:
        """Return whether a site is lost."""
        return site in self._lost

    def incarnation(self, site: str) -> str:
        """Return what changes whenever a site forgets what it was asked; empty where it is not known."""
        return str(self._heard.get(site, {}).get("incarnation", ""))

    def idle(self, site: str) -> bool:
        """Return whether a site says that it is at work on nothing."""
        return self._heard.get(site, {}).get("busy") is False
