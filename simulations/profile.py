"""Where the rounds' time went, by process and kind of work: profile.json, trace.json, and a table.

The main process's time in a round is split by its spans, whose own times add up to the round's. A worker's is
split by those it sent with its answers; what they do not cover of the round it spent waiting for work.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isofed.events import Emit
from isofed.files import write_json
from isofed.server.loop import ROUND
from isofed.simulations.profiled import ALL, MAIN, PROFILE, load
from isofed.simulations.trace import MOST, Trace
from isofed.spans import CATEGORIES, ENGINE, WAITING, Clock, Recorder, Stretch, recorded

TRACE = "trace.json"
SPANS = "spans"  # the event with which a worker's come home
Spent = dict[str, int]  # nanoseconds by category
Row = dict[str, Any]  # of a round: its number, its wall time, and what each process spent


@dataclass
class Profiler:
    """A sink that writes down where each round's time went, as soon as the round is committed.

    Args:
        folder: of the run.
        rounds: how many the run has.
        recorder: of this process.
        trace: the file of single spans.
        known: rows by round, those of earlier processes included.
    """

    folder: Path
    rounds: int
    recorder: Recorder
    trace: Trace
    known: dict[int, Row] = field(default_factory=dict)
    _workers: dict[int, str] = field(default_factory=dict)
    _heard: list[tuple[str, int, int, Spent]] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path, rounds: int, clock: Clock = time.perf_counter_ns) -> "Profiler":
        """Begin, or go on after the rounds that an earlier process wrote down."""
        before = load(folder) or {"rounds": []}
        recorder, trace = Recorder(clock, MOST), Trace.open(folder / TRACE, clock)
        return cls(folder, rounds, recorder, trace, {row["round"]: row for row in before["rounds"]})

    def __call__(self, name: str, **fields: Any) -> None:
        """Take an event: a worker's ``spans``, and every ``round_done``."""
        if name == SPANS:
            self._hear(fields["worker"], fields["stretches"])
        elif name == "round_done":
            self._end(int(fields["round"]))

    def _hear(self, worker: int, stretches: list[Stretch]) -> None:
        name = self._workers.setdefault(worker, f"worker {len(self._workers) + 1}")
        for stretch in stretches:
            self.trace.add(name, stretch)
            self._heard.append((name, stretch.begun, stretch.took, stretch.own))

    def _end(self, number: int) -> None:
        own = self.recorder.taken()
        rounds = [stretch for stretch in own if stretch.name == f"{ROUND} {number}"]
        if not rounds:
            return  # it was an earlier process's, and is told again
        for stretch in own:
            self.trace.add(MAIN, stretch, stretch in rounds)
        self.known[number] = self._row(number, rounds[-1])
        # a round is told of when its checkpoint is whole, and the next one may have been trained by then
        self._heard = [heard for heard in self._heard if heard[1] >= _end_of(rounds[-1])]
        self.trace.write()
        write_json(self.folder / PROFILE, summed(self.known, self.rounds))

    def _row(self, number: int, main: Stretch) -> Row:
        processes = {MAIN: _split(main.own, main.took, main.own.get(WAITING, 0))}
        for name in self._workers.values():
            # what was evaluated before the first round belongs to none
            heard = [
                (took, own)
                for who, begun, took, own in self._heard
                if who == name and main.begun <= begun < _end_of(main)
            ]
            idle = main.took - sum(took for took, _ in heard)
            processes[name] = _split(_sum(own for _, own in heard), main.took, idle)
        return {"round": number, "wall": main.took, "processes": processes}


def _end_of(stretch: Stretch) -> int:
    return stretch.begun + stretch.took


def _split(own: Mapping[str, int], wall: int, waiting: int) -> Spent:
    """Return nanoseconds by category, the engine's being what is left of the wall time, and its waiting."""
    spent = {name: own.get(name, 0) for name in CATEGORIES if name != ENGINE}
    return {**spent, ENGINE: wall - sum(spent.values()), WAITING: waiting}


def _sum(several: Iterable[Mapping[str, int]]) -> Spent:
    total: Spent = {}
    for each in several:
        for name, value in each.items():
            total[name] = total.get(name, 0) + value
    return total


def summed(known: Mapping[int, Row], rounds: int) -> dict[str, Any]:
    """Return profile.json's object: whole nanoseconds, every round's and all rounds'.

    For each process, and for all of them, the categories add up to the wall time, times the processes;
    ``waiting`` is a part of ``engine``. A worker that a round did not need waited all of it.

    Args:
        known: rows by round.
        rounds: how many the run has; a process that was killed may have left one out.
    """
    rows = [known[number] for number in sorted(known)]
    names = list(dict.fromkeys(name for row in rows for name in row["processes"]))
    total = {
        name: _sum(row["processes"].get(name, _split({}, row["wall"], row["wall"])) for row in rows)
        for name in names
    }
    wall = sum(row["wall"] for row in rows)
    return {
        **{"unit": "nanoseconds", "categories": dict(CATEGORIES), "asked": rounds},
        "total": {"wall": wall, "processes": total, ALL: _sum([_split({}, 0, 0), *total.values()])},
        "rounds": rows,
    }


@contextmanager
def following(folder: Path, rounds: int, device: str, emit: Emit) -> Iterator[Emit]:
    """Write a profile of the rounds that run inside the block and tell the sink that is yielded."""
    profiler = Profiler.start(folder, rounds, clock_of(device))

    def told(name: str, **fields: Any) -> None:
        profiler(name, **fields)
        if name != SPANS:
            emit(name, **fields)

    with recorded(profiler.recorder):
        yield told


def clock_of(device: str) -> Clock:
    """Return the clock for work on a device; that of a GPU waits for it, as Python does not."""
    return time.perf_counter_ns if device == "cpu" else settled


def settled() -> int:
    """Return the time when the GPU has done what this process gave it."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter_ns()
