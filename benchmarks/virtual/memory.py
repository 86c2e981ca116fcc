"""What the system says of the memory of an engine's processes."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

OFTEN = 0.02  # seconds between two looks
GONE = (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError)
Processes = Callable[[], list[psutil.Process]]


def peaks(processes: Iterable[psutil.Process]) -> int:
    """Return the bytes of each process's own peak of resident memory, which the kernel keeps, summed.

    Nothing is sampled; but a page that several processes share counts in each.
    """
    return sum(_read(process.pid, "status").get("VmHWM", 0) for process in processes)


def shared_once(processes: Iterable[psutil.Process]) -> int | None:
    """Return the bytes that the processes hold now, a page that several of them share counted once.

    Anonymous and shared memory by proportional set sizes: nobody outside an engine shares these. Pages of
    files (libraries, the mapped data) as many as the process with most of them holds: their proportional
    sizes would fall with every other engine that is alive. None where the system does not tell.
    """
    own, files = 0, [0]
    for process in processes:
        found = _read(process.pid, "smaps_rollup")
        if not found and process.is_running() and not _ends(process):
            return None
        own += found.get("Pss_Anon", 0) + found.get("Pss_Shmem", 0)
        files.append(_read(process.pid, "status").get("RssFile", 0))
    return own + max(files)


def _ends(process: psutil.Process) -> bool:
    with suppress(*GONE):
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return True


def _read(pid: int, name: str) -> dict[str, int]:
    """Return the lines of a file of /proc that are in kB, in bytes; nothing for a process that has gone."""
    with suppress(*GONE, PermissionError):
        lines = [line.split() for line in Path(f"/proc/{pid}/{name}").read_text().splitlines()]
        return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if words[-1:] == ["kB"]}
    return {}


@dataclass
class Watch:
    """Looks at an engine's processes, again and again, as long as it is entered.

    Args:
        processes: tells which they are now.
        most: bytes, the most that was seen at once; None where the system does not tell.
    """

    processes: Processes
    most: int | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while True:
            now = shared_once(self.processes())
            if now is not None:
                self.most = max(self.most or 0, now)
            if self._over.wait(OFTEN):
                return
