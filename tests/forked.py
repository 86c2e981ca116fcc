"""Commands and scripts as processes of their own, forked from the test's: real ones, with nothing to import.

A fresh Python needs three to four seconds of a core before it trains; what is killed, watched or read here
is a process all the same. Not for Ray, nor for what a process does while it starts.
"""

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import torch

import isofed.simulations.command  # noqa: F401  where main would look for it in every child
from isofed.__main__ import main

Job = Callable[[list[str]], int]


@functools.cache
def _warm() -> None:
    # the first optimiser makes torch import its compiler: once, and not in every child
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def _be(job: Job, words: list[str], log: Path) -> None:
    os.setsid()
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    # pytest has put its own in the place of both, and made every warning an error
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    warnings.resetwarnings()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(job(words))


@dataclass(frozen=True)
class Forked:
    """A process with what the scripts need of :class:`subprocess.Popen`."""

    process: Any

    @classmethod
    def of(cls, job: Job, words: list[str], log: Path) -> "Forked":
        """Start ``job(words)``; what it says goes to the end of ``log``."""
        _warm()
        process = multiprocessing.get_context("fork").Process(target=_be, args=(job, words, log))
        process.start()
        return cls(process)

    @property
    def pid(self) -> int:
        """Its number."""
        return int(self.process.pid)

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        code: int | None = self.process.exitcode
        return code

    def poll(self) -> int | None:
        """Return the same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code as soon as there is one."""
        self.process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("a forked command", timeout or 0.0)
        return self.returncode

    def kill(self) -> None:
        """End it as nothing else can be ended."""
        self.process.kill()


@dataclass
class Forks:
    """Stands for ``start`` and ``gone_after`` of the scripts' ``small.py``: a session is the mark."""

    sessions: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def start(self, words: list[str], mark: str, log: Path) -> Forked:
        """Start ``isofed WORDS``."""
        forked = Forked.of(main, words, log)
        self.sessions[mark].add(forked.pid)
        return forked

    def gone_after(self, mark: str, patience: float) -> float | None:
        """Return the seconds until nothing of the mark's sessions lives, None if something still does."""
        begun = time.monotonic()
        while any(_living(self.sessions[mark])):
            if time.monotonic() - begun > patience:
                return None
            time.sleep(0.02)
        return time.monotonic() - begun


def _living(sessions: set[int]) -> Iterator[bool]:
    for process in psutil.process_iter():
        try:
            yield os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):  # gone meanwhile
            continue


def completed(job: Job, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """Run ``job(words)`` to its end; both outputs stand in the first."""
    with tempfile.NamedTemporaryFile() as log:
        code = Forked.of(job, list(words), Path(log.name)).wait()
        return subprocess.CompletedProcess(words, code, Path(log.name).read_bytes(), b"")
