"""The same federation over 1,000 and over 1,000,000 virtual clients, a cohort of 100 in each round.

    .venv/bin/python benchmarks/population.py [--rounds 20] [--cohort 100] [--data mapped]

Each is a process of its own, and the two take turns round by round. Prints of each the start-up (from the
start of the process to the first reply), the rounds' wall and processor seconds and the peak of resident
memory, then the ratio of the rounds and the difference in memory. A round is everything between two commits,
the checkpoint included. With --data made, a client's data are made from its name when it is asked, and held
where there is room: the peak has what is held. Of a thousand clients most come again, and nothing is made for
them, while a million's come but once. So rounds are compared with --data mapped, where data are slices of a
file; what an engine does once for a client who is asked for the first time is in them all the same.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMALL, LARGE = 1_000, 1_000_000
MEGABYTE = 2**20


def main() -> None:
    """Run both in turns and print one JSON object; or be one of the two."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=20, help="of each, the first not counted")
    parser.add_argument("--cohort", type=int, default=100)
    parser.add_argument("--strategy", default="fedavg")
    parser.add_argument("--data", choices=("made", "mapped"), default="mapped")
    parser.add_argument("--clients", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--since", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.clients:
        one(given)
        return
    told = in_turns([Run.start(count) for count in (SMALL, LARGE)], given.rounds)
    print(json.dumps(compared(*told), indent=1))


@dataclass(frozen=True)
class Run:
    """A federation in a process of its own, which waits after each round until it is told to go on."""

    process: Any

    @classmethod
    def start(cls, clients: int) -> "Run":
        """Start one; it gets ready and waits before its first round."""
        words = ["--clients", str(clients), "--since", str(time.monotonic())]
        command = [sys.executable, *sys.argv, *words]
        run = cls(subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        run.hear()
        return run

    def hear(self) -> dict[str, float]:
        """Return the next thing that it says."""
        told: dict[str, float] = json.loads(self.process.stdout.readline())
        return told

    def go(self) -> dict[str, float]:
        """Let it make a round, and return what it says of it."""
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.hear()


def in_turns(runs: list[Run], rounds: int) -> list[list[dict[str, float]]]:
    """Let each make a round, then each the next; return by run what it said of its rounds."""
    told: list[list[dict[str, float]]] = [[] for _ in runs]
    for number in range(rounds):
        # whoever went first now goes last, so that no place is better
        for place in sorted(range(len(runs)), reverse=bool(number % 2)):
            told[place].append(runs[place].go())
    for run in runs:
        run.process.stdin.close()
        run.process.wait()
    return told


def compared(small: list[dict[str, float]], large: list[dict[str, float]]) -> dict[str, Any]:
    """Return what each population takes, and what the larger costs beside the smaller."""
    few, many = _figures(small), _figures(large)
    ratios = [b["seconds"] / a["seconds"] for a, b in zip(small[1:], large[1:], strict=True)]
    return {
        str(SMALL): few,
        str(LARGE): many,
        "round_ratio": _spread(ratios),
        "cpu_ratio": many["cpu_seconds"]["median"] / few["cpu_seconds"]["median"],
        "start_up_seconds_more": many["start_up_seconds"] - few["start_up_seconds"],
        "peak_megabytes_more": many["peak_megabytes"] - few["peak_megabytes"],
    }


def _figures(told: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "start_up_seconds": told[0]["start_up"],
        "round_seconds": _spread([each["seconds"] for each in told[1:]]),
        "cpu_seconds": _spread([each["cpu"] for each in told[1:]]),
        "peak_megabytes": told[-1]["peak"],
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def one(given: Any) -> None:
    """Run a federation; say after each round, on a line, what it took, and wait for a line to go on."""
    import torch

    from isofed.simulations.federation import run
    from isofed.simulations.pool import Pool

    torch.set_num_threads(1)
    clock = Clock(given.since)
    with tempfile.TemporaryDirectory(prefix="isofed-population-") as folder:
        made = federation(Path(folder), given.clients, given)
        clock.ready()
        run(made, Pool(1), clock)


@dataclass
class Clock:
    """A sink for events that times rounds and waits between them; waiting counts as nothing.

    Args:
        since: when the process was started, on the system's monotonic clock.
    """

    since: float
    waited: float = 0.0
    start_up: float = 0.0
    begun: float = 0.0
    cpu: float = 0.0

    def __call__(self, name: str, **fields: Any) -> None:
        """Take the first reply of all as the end of the start, and a finished round as a time to wait."""
        if name == "reply" and not self.start_up:
            self.start_up = time.monotonic() - self.since - self.waited
        if name == "round_done":
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
            seconds, cpu = time.monotonic() - self.begun, time.process_time() - self.cpu
            self._wait({"start_up": self.start_up, "seconds": seconds, "cpu": cpu, "peak": peak})

    def ready(self) -> None:
        """Say so, and wait."""
        self._wait({})

    def _wait(self, told: Mapping[str, float]) -> None:
        began = time.monotonic()
        print(json.dumps(told), flush=True)
        sys.stdin.readline()
        self.waited += time.monotonic() - began
        self.begun, self.cpu = time.monotonic(), time.process_time()


def federation(folder: Path, clients: int, given: Any) -> Any:
    """Return a federation over so many clients."""
    # torch and all that needs it is imported by the process that is measured
    from population_task import TASK, store

    from isofed.population import Numbered
    from isofed.simulations.federation import Federation
    from isofed.tasks import TASKS

    TASKS[TASK.name] = TASK
    if given.data == "mapped":
        store(folder)
    cfg = {
        "run": "population",
        "seed": 0,
        "rounds": given.rounds,
        "evaluate_every": 0,
        "layout": given.data,
        "cohort": given.cohort,
        "task": {"name": TASK.name},
        "protocol": {"name": "entity"},
        "strategy": {"name": given.strategy},
    }
    return Federation("population", cfg, Numbered(clients), folder, folder / "homes", folder / "run")


if __name__ == "__main__":
    main()
