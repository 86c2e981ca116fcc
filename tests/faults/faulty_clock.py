"""A clock that a test moves: whatever is due happens in its order, and nobody waits."""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count


@dataclass
class Clock:
    """Stands in for the module ``time``, and for a world in which things happen after a while."""

    now: float = 1000.0
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: Iterator[int] = field(default_factory=count)

    def monotonic(self) -> float:
        """Return the seconds."""
        return self.now

    time = monotonic

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Have something done later."""
        heapq.heappush(self._due, (self.now + seconds, next(self._count), do))

    def sleep(self, seconds: float) -> None:
        """Let time pass, and what is due meanwhile happen."""
        until = self.now + seconds
        while self._due and self._due[0][0] <= until:
            self.now, _, do = heapq.heappop(self._due)
            do()
        self.now = until
