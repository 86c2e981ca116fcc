"""What happens, on one line, with the time left."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

# of deployed sites
TOLD = {
    "lost": "{site} is lost: it has given no sign of life for a while",
    "back": "{site} is back",
    "unmeasured": "round {round} is not measured: {reason}",
    "attempt_failed": "round {round} is tried again: {reason}",
}
QUIET_SECONDS = 5.0  # between two lines where the output is not a terminal


@dataclass
class Progress:
    """A sink for events that keeps one line up to date on a terminal, and prints one now and then elsewhere.

    Args:
        total: units of work of all phases together; a unit is one site's round.
        out: where to write.
        enabled: False says nothing.
        clock: seconds, monotonic.
    """

    total: int
    out: TextIO = field(default_factory=lambda: sys.stderr)
    enabled: bool = True
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    _started: float | None = None
    _said: float = -QUIET_SECONDS
    _length: int = 0

    def __call__(self, name: str, **fields: Any) -> None:
        """Take an event: ``reply`` is a unit of work; what starts, and what is refused, is worth a line."""
        if name == "starting":
            self.say(f"{fields['what']}, which takes seconds")
            return
        if name in TOLD:
            self.say(TOLD[name].format(**fields))
            return
        if self._started is None:
            self._started = self.clock()
        if name == "reply":
            self.done += 1
            self._line(f"{fields['run']}, round {fields['round']}")
        elif name == "refused":
            self.say(f"{fields['run']}, round {fields['round']}: {fields['site']} {fields['reason']}")

    def step(self, what: str, done: int, total: int) -> None:
        """Tell of countable work outside the rounds, such as drawing."""
        self._line(f"{what} {done}/{total}", left="")

    def say(self, text: str) -> None:
        """Print a line that stays."""
        if self.enabled:
            self._clear()
            print(text, file=self.out, flush=True)

    def end(self) -> None:
        """Leave the terminal clean."""
        self._clear()

    def left(self) -> str:
        """Return the time left in words, from the speed so far; empty before the first unit."""
        if not self.done or self._started is None or self.done >= self.total:
            return ""
        seconds = (self.clock() - self._started) / self.done * (self.total - self.done)
        return f", {duration(seconds)} left"

    def _line(self, text: str, left: str | None = None) -> None:
        if not self.enabled:
            return
        text += self.left() if left is None else left
        if self.out.isatty():
            print("\r" + text.ljust(self._length), end="", file=self.out, flush=True)
            self._length = len(text)
        elif self.clock() - self._said >= QUIET_SECONDS:
            self._said = self.clock()
            print(text, file=self.out, flush=True)

    def _clear(self) -> None:
        if self.enabled and self._length and self.out.isatty():
            print("\r" + " " * self._length + "\r", end="", file=self.out, flush=True)
            self._length = 0


def duration(seconds: float) -> str:
    """Return ``"12 s"`` or ``"3 min 20 s"``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 90 else f"{whole // 60} min {whole % 60} s"
