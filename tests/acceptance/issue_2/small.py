"""A simulation that takes seconds, started as a person would start it, for the scripts beside this file."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROUNDS = 3
SITES = tuple(f"cam{number}" for number in range(1, 7))
MARK = "ISOFED_ACCEPTANCE_MARK"  # all processes of a run inherit it, and nothing else has it

DATA = ("data.make.identities=16", "data.make.test_identities=4", "data.make.images=4")
PICTURES = ("data.make.height=32", "data.make.width=16", "task.height=32", "task.width=16")
BATCHES = ("task.batch_identities=4", "task.batch_images=2")
MODEL = ("task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8")
SMALL = (f"rounds={ROUNDS}", "evaluate_every=1", *DATA, *PICTURES, *BATCHES, *MODEL)


def start(words: list[str], mark: str, log: Path) -> subprocess.Popen[bytes]:
    """Start ``isofed WORDS`` as a process of its own; what it says goes to the end of ``log``."""
    environment = {**os.environ, MARK: mark, "OMP_NUM_THREADS": "1"}
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "isofed", *words],
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            env=environment,
        )


def living(mark: str) -> list[int]:
    """Return the numbers of the processes that carry ``mark``, the dead not counted."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process.pid)
        except (psutil.Error, OSError):  # gone meanwhile, somebody else's, or dead and not yet collected
            continue
    return found


def gone_after(mark: str, patience: float) -> float | None:
    """Return the seconds until no process carries ``mark``, or None if some still do after ``patience``."""
    begun = time.monotonic()
    while living(mark):
        if time.monotonic() - begun > patience:
            return None
        time.sleep(0.02)
    return time.monotonic() - begun
