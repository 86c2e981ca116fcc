"""A file of spans that chrome://tracing and Perfetto open: one track for each process.

The format is Chrome's trace events as a JSON object: complete events ("ph": "X") with ``ts`` and ``dur`` in
microseconds. Each stands on a line of its own, so that a round's can be put at the end of the file, which is
whole JSON after every round, and a file that was cut short can be mended.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isofed.files import atomic
from isofed.spans import Clock, Stretch, Timed

MOST = 100_000  # events; later rounds are but one each
HEAD, BETWEEN, END = b'{"displayTimeUnit":"ms","traceEvents":[\n', b",\n", b"\n]}\n"
GAP = 1_000_000  # nanoseconds between what two processes did one after the other
Event = dict[str, Any]


@dataclass
class Trace:
    """Keeps spans until the round is over, then puts them into the file.

    Args:
        path: the file.
        base: the clock's time that the file calls ``shift``.
        shift: nanoseconds after the file's first event.
        count: events in the file and waiting.
        tracks: number of each process in the file.
    """

    path: Path
    base: int
    shift: int = 0
    count: int = 0
    tracks: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[int, Timed]] = field(default_factory=list)
    _named: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, path: Path, clock: Clock) -> "Trace":
        """Begin a file, or mend and go on with the one of a process that was ended."""
        known = list(events(path))
        with atomic(path) as file:
            file.write(HEAD + BETWEEN.join(_line(event) for event in known) + END)
        spans = [event for event in known if event["ph"] == "X"]
        end = max((_whole(event["ts"] + event["dur"]) for event in spans), default=-GAP)
        tracks = {event["args"]["name"]: event["pid"] for event in known if event["ph"] == "M"}
        return cls(path, clock(), end + GAP, len(known), tracks)

    def add(self, process: str, stretch: Stretch, least: bool = False) -> None:
        """Take what a process did; where there is no room left, nothing, or the outermost span at least."""
        spans = stretch.spans if self.count + len(stretch.spans) <= MOST else stretch.spans[-1:] * least
        if not spans:
            return
        if process not in self.tracks:
            self.tracks[process] = len(self.tracks)
            self._named.append(process)
        track = self.tracks[process]
        self._waiting += [(track, timed) for timed in spans]
        self.count += len(spans)

    def write(self) -> None:
        """Put what waits at the end of the file."""
        lines = [_line(event) for event in self._made()]
        self._waiting, self._named = [], []
        if not lines:
            return
        with self.path.open("r+b") as file:
            last = file.seek(-len(END), 2)
            file.write((BETWEEN if last > len(HEAD) else b"") + BETWEEN.join(lines) + END)

    def _made(self) -> Iterator[Event]:
        for name in self._named:
            track = self.tracks[name]
            yield {"ph": "M", "name": "process_name", "pid": track, "tid": 0, "args": {"name": name}}
        for track, (name, category, begun, took) in self._waiting:
            at = (begun - self.base + self.shift) / 1000
            yield {
                **{"ph": "X", "name": name, "cat": category},
                **{"ts": at, "dur": took / 1000, "pid": track, "tid": 0},
            }


def events(path: Path) -> Iterator[Event]:
    """Yield the events of a file, as far as it is whole; none where there is no such file."""
    lines: Iterable[str] = path.read_text(errors="replace").splitlines()[1:] if path.exists() else ()
    for line in lines:
        try:
            yield json.loads(line.removesuffix(","))
        except ValueError:
            return


def _line(event: Event) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def _whole(microseconds: float) -> int:
    return round(microseconds * 1000)
