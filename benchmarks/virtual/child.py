"""An engine in a process of its own, and what the system's accounts say of it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from engines import ENGINES, words_of
from machine import working
from memory import Watch, peaks
from turns import ROUND, Job
from workloads import Workload

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


class Turn(NamedTuple):
    """Seconds of a round: of the clock, of the engine's processes together, and of all others meanwhile."""

    wall: float
    cpu: float
    others: float


@dataclass
class Child:
    """One engine under measurement; it idles between its turns."""

    name: str
    process: Any
    log: Path
    peak: int = 0

    @classmethod
    def start(cls, name: str, workload: Workload, data: Path, scratch: Path) -> "Child":
        """Start the engine's process; it waits for its first turn."""
        folder = scratch / name
        folder.mkdir(parents=True)
        engine = ENGINES[name]
        job = Job(name, workload, data, folder, engine.threads, engine.workers)
        command = [sys.executable, str(HERE / "engines.py"), *words_of(job)]
        # children of Ray's daemons find the workloads and this checkout's isofed by the path alone
        more = {"PYTHONPATH": f"{HERE}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": str(engine.threads)}
        log = folder / "log"
        with log.open("wb") as file:
            pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": file}
            process = subprocess.Popen(command, text=True, env={**os.environ, **more}, **pipes)
        return cls(name, process, log)

    def turn(self) -> Turn:
        """Let the engine do one round."""
        self._signal(signal.SIGCONT)
        others = working()
        before, started = self._cpu(), time.perf_counter()
        self._say(ROUND)
        self._hear()
        seconds = time.perf_counter() - started
        used = self._cpu() - before
        others = working() - others - used
        self.peak = max(self.peak, peaks(self._tree()))
        self._signal(signal.SIGSTOP)
        return Turn(seconds, used, others)

    def weigh(self) -> int | None:
        """Let the engine do one round that nobody times; return its most bytes, shared pages once."""
        with Watch(self._tree) as watch:
            self.turn()
        return watch.most

    def end(self) -> list[np.ndarray]:
        """End the engine and return its final arrays."""
        self._signal(signal.SIGCONT)
        self._say("end")
        self._hear()
        self.process.wait(60)
        with np.load(self.log.parent / "weights.npz") as found:
            return [found[str(number)] for number in range(len(found))]

    def kill(self) -> None:
        """End the engine's processes whatever they do."""
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _say(self, word: str) -> None:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def _hear(self) -> None:
        if not self.process.stdout.readline():
            raise SystemExit(f"'{self.name}' ended by itself:\n{self.log.read_text()[-2000:]}")

    def _tree(self) -> list[psutil.Process]:
        try:
            top = psutil.Process(self.process.pid)
            return [top, *top.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _signal(self, number: int) -> None:
        for process in self._tree() if ENGINES[self.name].pauses else ():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _cpu(self) -> float:
        used = 0.0
        for process in self._tree():
            with suppress(psutil.NoSuchProcess):
                used += sum(process.cpu_times()[:4])
        return used
