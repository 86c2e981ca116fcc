"""The messages that a SuperNode hands to its worker: one after another, each perhaps before it is whole."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from isofed.protocols.link import Over

SOON = 0.01  # seconds between two looks for what a task in hand still lacks
OVERTAKEN = 0.5  # seconds between two looks for the next message while one is still coming
PATIENCE = 30.0  # seconds for which a site asks a SuperNode again that does not answer


@dataclass
class Tasks:
    """What a SuperNode has for a worker, one task after another.

    Args:
        found: tokens of tasks, each once; None whenever there is none.
    """

    found: Iterator[str | None]
    _next: str | None = None
    _looked: float = 0.0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def take(self) -> str | None:
        """Return the token of a task that nobody has taken; None where there is none."""
        with self._lock:
            token, self._next = self._next or self._look(), None
            return token

    def overtaken(self) -> bool:
        """Return whether there is another task, which is looked for twice a second.

        A SuperNode has one message at a time. One that has handed out the next has dropped the one before,
        also where it never says so: the run ended while the message came.
        """
        with self._lock:
            if self._next is None and time.monotonic() - self._looked > OVERTAKEN:
                self._next = self._look()
            return self._next is not None

    def _look(self) -> str | None:
        self._looked = time.monotonic()
        return next(self.found)


def patient(
    ask: Callable[[Any], Any], there: Callable[[Any], Any], overtaken: Callable[[], bool]
) -> Callable[[Any], Any]:
    """Return a question that is asked again, every hundredth of a second, until what it is after is there.

    Args:
        ask: from the question to the answer.
        there: whether an answer holds what is waited for.
        overtaken: whether nothing more will come; the question then raises :class:`Over`.
    """

    def asked(request: Any) -> Any:
        end = time.monotonic() + PATIENCE
        while not there(answer := ask(request)) and time.monotonic() < end:
            if overtaken():
                raise Over("the SuperNode has gone on to the next message")
            time.sleep(SOON)
        return answer

    return asked
