"""The parts of the whole measurement, each by itself; a part returns a mapping that JSON can hold."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from asked import HONEST, PARTS, POPULATION_ROUNDS, SCALING, Part
from figures import ratio
from laps import measure
from machine import state
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
SMALL = 10  # users of the round that shows how the machine scales
Found = dict[str, Any]


def workload(name: str, part: Part, laps: int | None, cohort: int | None) -> Found:
    """Measure one workload's engines in turns."""
    chosen = replace(WORKLOADS[name], cohort=cohort or WORKLOADS[name].cohort)
    with tempfile.TemporaryDirectory(prefix="isofed-benchmark-") as folder:
        return measure(chosen, part.engines, laps or part.laps, Path(folder), part.seconds)


def scaling(laps: int | None = None) -> Found:
    """Measure what two threads, and two processes, make of one thread's time for a bare loop."""
    found = workload("cnn", SCALING, laps, SMALL)
    for name, engine in (("threads", "bare"), ("processes", "bare1x2")):
        figure = ratio(found["engines"], "bare1", engine)
        if figure is not None:
            found[name] = {"median": figure.value, "least": figure.least, "most": figure.most}
    return found


def honest(rounds: int | None = None) -> Found:
    """Let honest.py compare bare.py with its reference on each workload."""
    found: Found = {"before": state()}
    for name, (usual, cohort) in HONEST.items():
        words = ["--workload", name, "--rounds", str(rounds or usual), "--cohort", str(cohort)]
        # one thread: two that wait for each other use time that depends on who else wants the cores
        words += ["--threads", "1"]
        told = _json("honest.py", *words)
        # other bits are no bare loop of the same work, whatever its time
        median = told["ratio"] if told["same_bits"] else float("inf")
        found[name] = {"median": median, "least": told["least"], "most": told["most"]}
    return found | {"after": state()}


def population(rounds: int | None = None) -> Found:
    """Let population.py compare a thousand clients with a million."""
    before, words = state(), ["--rounds", str((rounds or POPULATION_ROUNDS) + 1)]
    made = _json("../population.py", "--data", "made", *words)
    held = {key: made[key] for key in ("peak_megabytes_more",)}
    return _json("../population.py", *words) | held | {"made": made, "before": before, "after": state()}


def _json(script: str, *words: str) -> Found:
    """Run a script of ours and read what it prints; a verdict of its own may be its exit status."""
    command = [sys.executable, str((HERE / script).resolve()), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"{script} ended with {done.returncode} and said nothing")
    found: Found = json.loads(done.stdout)
    return found


def every(laps: int | None, cohort: int | None) -> Mapping[str, Callable[[], Found]]:
    """Return every part by its name, in the order in which they are measured."""

    def one(name: str) -> Callable[[], Found]:
        return lambda: workload(name, PARTS[name], laps, cohort)

    return {
        "machine": lambda: scaling(laps),
        "honest": lambda: honest(laps),
        **{name: one(name) for name in PARTS},
        "population": lambda: population(laps),
    }
