"""The peak memory of a process tree."""

import threading
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

EVERY_SECONDS = 0.25


@dataclass
class Meter:
    """Samples the resident memory of this process and its children, added up, from a thread of its own.

    Pages that forked processes share are counted once for each, so this is an upper bound.
    """

    peak: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Meter":
        """Begin to sample."""
        threading.Thread(target=self._run, daemon=True).start()
        return self

    def stop(self) -> int:
        """Sample a last time and return the peak in bytes."""
        self._stop.set()
        self._sample()
        return self.peak

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._sample()

    def _sample(self) -> None:
        total = 0
        with suppress(psutil.Error):
            me = psutil.Process()
            for process in [me, *me.children(recursive=True)]:
                with suppress(psutil.Error):
                    total += process.memory_info().rss
        self.peak = max(self.peak, total)
