"""What a site writes down of the messages that it answered and refused, and how much it has answered."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from isofed.client.site.folder import SiteFolder

ANSWERS, REFUSALS = "answers.jsonl", "refusals.jsonl"
TAIL = 4 * 2**20  # bytes of an earlier process's account that are looked at


@dataclass(frozen=True)
class Asking:
    """Which attempt of which round of which run a message is about; empty and 0 where it does not say."""

    run: str = ""
    round: int = 0
    attempt: int = 0


@dataclass(frozen=True)
class Diary:
    """A site's account, one line of JSON a message, and the sums that its policy bounds.

    Args:
        folder: the site's.
    """

    folder: SiteFolder
    _begun: dict[tuple[str, int], date] = field(default_factory=dict, repr=False)
    _bytes: dict[tuple[str, int], dict[tuple[int, str], int]] = field(default_factory=dict, repr=False)

    @classmethod
    def open(cls, folder: SiteFolder) -> "Diary":
        """Go on with what an earlier process wrote."""
        diary = cls(folder)
        for line in _lines(folder.logs / ANSWERS):
            asked = Asking(line["run"], line["round"], line["attempt"])
            diary._count(asked, line["kind"], line["bytes"], datetime.fromisoformat(line["time"]).date())
        return diary

    def begun(self, asked: Asking, today: date) -> int:
        """Return how many other rounds were begun today."""
        this = (asked.run, asked.round)
        return sum(day == today for other, day in self._begun.items() if other != this)

    def bytes(self, asked: Asking, kind: str, size: int) -> int:
        """Return what will have left in answer to a round; the same attempt's answer is counted once."""
        before = self._bytes.get((asked.run, asked.round), {})
        return sum((before | {(asked.attempt, kind): size}).values())

    def answered(self, asked: Asking, kind: str, size: int, seconds: float) -> None:
        """Write an answer down, before it leaves."""
        now = _now()
        self._count(asked, kind, size, datetime.fromisoformat(now).date())
        _append(
            self.folder.logs / ANSWERS,
            {"time": now, **vars(asked), "kind": kind, "bytes": size, "seconds": round(seconds, 3)},
        )

    def refused(self, asked: Asking, kind: str, reason: str) -> None:
        """Write down that something was refused, and why."""
        _append(self.folder.logs / REFUSALS, {"time": _now(), **vars(asked), "kind": kind, "reason": reason})

    def _count(self, asked: Asking, kind: str, size: int, day: date) -> None:
        round = (asked.run, asked.round)
        # a round that goes on past midnight was begun before it
        self._begun.setdefault(round, day)
        self._bytes.setdefault(round, {})[asked.attempt, kind] = size


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def _append(path: Path, line: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # the line break comes first, so that a line cut short by a crash cannot swallow the next one
    with path.open("ab", buffering=0) as file:
        file.write(b"\n" + json.dumps(line).encode())


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        text = file.read()
    for line in text.split(b"\n"):
        try:
            found = json.loads(line)
        except ValueError:
            continue  # cut short by a crash, or by where the tail begins
        if isinstance(found, dict):
            yield found
