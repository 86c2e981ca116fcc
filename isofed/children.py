"""Processes that are kept running: started, watched, started again with growing pauses, ended together."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from isofed.errors import ConfigError

FIRST, LONGEST = 0.5, 30.0  # seconds before a process that ended is started again
STEADY = 20.0  # seconds after which one that ended has not failed at once
PATIENCE = 10.0  # seconds that a process has for its end
LARGEST = 8 * 2**20  # bytes of a log from an earlier start, which then makes room


@dataclass
class Child:
    """One process of several.

    Args:
        name: in words and as its log's.
        command: its own, first of which is a path.
        log: folder of its log.
        environment: beside that of this process.
        there: whether it does its work.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    there: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None
    pause: float = FIRST
    began: float = 0.0
    due: float = 0.0

    def start(self) -> None:
        """Start it; it ends with this process."""
        leash = [sys.executable, "-m", "isofed.leash", str(os.getpid())]
        with _log(self.log / f"{self.name}.log").open("ab") as file:
            self.process = subprocess.Popen(
                [*leash, *self.command],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # what a terminal sends goes to us alone, and we end them in order
            )
        self.began = time.monotonic()

    def look(self, say: Callable[[str], None]) -> None:
        """Start it again, after a pause, if it has ended."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start()
        elif (code := self.process.poll()) is not None:
            self.pause = FIRST if now - self.began > STEADY else min(2 * self.pause, LONGEST)
            self.process, self.due = None, now + self.pause
            say(f"{self.name} ended with {code}; again in {self.pause:g} s, see {self.name}.log")

    def end(self) -> None:
        """Ask it to end; kill it if it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def begun(children: Sequence[Child], seconds: float, stopped: Callable[[], bool]) -> None:
    """Start processes one after another, each once the one before does its work.

    Raises:
        ConfigError: one ended, or did not come to its work in time.
    """
    for child in children:
        child.start()
        end = time.monotonic() + seconds
        while not child.there() and not stopped():
            if child.process is None or child.process.poll() is not None:
                raise ConfigError(f"{child.name} ended at once: {_last(child)}")
            if time.monotonic() > end:
                raise ConfigError(f"{child.name} did not begin its work in {seconds:.0f} s; see its log")
            time.sleep(0.05)


@contextmanager
def alone(path: Path, refusal: str) -> Iterator[None]:
    """Be the only process that holds a file while the block lasts.

    Raises:
        ConfigError: another one holds it; ``refusal`` says so.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(refusal) from None
        yield


def held(path: Path) -> bool:
    """Return whether another process holds a file by :func:`alone`."""
    if not path.exists():
        return False
    try:
        with alone(path, ""):
            return False
    except ConfigError:
        return True


def _last(child: Child) -> str:
    lines = (child.log / f"{child.name}.log").read_text(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")


def _log(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST:
        path.replace(path.with_suffix(".old.log"))
    return path
