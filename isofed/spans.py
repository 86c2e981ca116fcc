"""Marks that say where time goes, and cost next to nothing where nobody asked.

    with span(FORWARD):
        output = model(inputs)

While something records, each span knows how long it took and how much of that its inner spans took; the
rest is its own. Times are whole nanoseconds of a monotonic clock, so the own times of a span and of all
inside it add up to exactly what it took. A process records for itself, in one thread.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from types import TracebackType
from typing import ParamSpec, TypeVar

DATA, FORWARD, BACKWARD, UPDATE = "data", "forward", "backward", "update"
AGGREGATION, PROTOCOL, EVALUATION = "aggregation", "protocol", "evaluation"
ENGINE, WAITING = "engine", "waiting"
CATEGORIES = {
    DATA: "opening a site's data, drawing batches, augmentation",
    FORWARD: "the model's output and the loss",
    BACKWARD: "gradients",
    UPDATE: "the optimiser's step, and what a strategy's local terms do around it",
    AGGREGATION: "folding reports in, the server's step, and what it learns from public data",
    PROTOCOL: "orders and reports: made, read, checked, privacy steps, site memory, ledger, checkpoint",
    EVALUATION: "all that is done to measure a model",
    ENGINE: "everything else of a round: messages between processes, queues, waiting",
}
ROOM = 20_000  # spans kept one by one in an outermost one; of more only the sums, and what the engine does

Clock = Callable[[], int]
Timed = tuple[str, str, int, int]  # name, category, when it began, how long it took
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Stretch:
    """An outermost span and what was inside.

    Args:
        name: its name.
        begun: nanoseconds of the clock.
        took: nanoseconds.
        own: nanoseconds by category; they add up to ``took``.
        spans: it and those inside, each after what was inside it.
        left_out: how many more there were than are kept.
    """

    name: str
    begun: int
    took: int
    own: dict[str, int]
    spans: list[Timed]
    left_out: int


@dataclass
class Recorder:
    """What a process has recorded since it was last asked.

    Args:
        clock: nanoseconds, monotonic.
        room: spans to be kept one by one in an outermost one; rounds, batches and sites always are.
    """

    clock: Clock = time.perf_counter_ns
    room: int = ROOM
    stretches: list[Stretch] = field(default_factory=list)
    _open: list["Span"] = field(default_factory=list)
    _own: dict[str, int] = field(default_factory=dict)
    _spans: list[Timed] = field(default_factory=list)
    _left_out: int = 0

    def taken(self) -> list[Stretch]:
        """Return the stretches that are complete, and forget them."""
        found, self.stretches = self.stretches, []
        return found

    def enter(self, span: "Span") -> None:
        """Take note that a span begins."""
        if self._open:
            around = self._open[-1].category
            # to measure a model, data are opened and batches computed, too
            if around == EVALUATION and span.category not in (ENGINE, WAITING):
                span.category = EVALUATION
        self._open.append(span)

    def leave(self, span: "Span", took: int) -> None:
        """Take note that the innermost span is over."""
        self._open.pop()
        self._own[span.category] = self._own.get(span.category, 0) + took - span.inner
        if span.category == ENGINE or len(self._spans) < self.room:
            self._spans.append((span.name or span.category, span.category, span.begun, took))
        else:
            self._left_out += 1
        if self._open:
            self._open[-1].inner += took
            return
        made = Stretch(span.name or span.category, span.begun, took, self._own, self._spans, self._left_out)
        self.stretches.append(made)
        self._own, self._spans, self._left_out = {}, [], 0


@dataclass(slots=True, eq=False)
class Span:
    """One mark while something records."""

    to: Recorder
    category: str
    name: str
    begun: int = 0
    inner: int = 0

    def __enter__(self) -> None:
        self.to.enter(self)
        self.begun = self.to.clock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.to.leave(self, self.to.clock() - self.begun)


@dataclass(frozen=True, slots=True)
class Nothing:
    """What stands in the place of every mark while nothing records."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


NOTHING = Nothing()
_recorder: Recorder | None = None  # of this process


def span(category: str, name: str = "", of: object = "") -> AbstractContextManager[None]:
    """Mark a block as one of :data:`CATEGORIES`, or as :data:`WAITING`, which is a part of the engine's time.

    Inside evaluation everything counts as evaluation but what the engine does. No generator may yield inside
    a span.

    Args:
        category: what it is.
        name: how a trace calls it; default the category.
        of: follows the name, such as a site or a round.
    """
    if _recorder is None:
        return NOTHING
    return Span(_recorder, category, f"{name} {of}" if of != "" else name)


def spanned(category: str, name: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark all of a function, which may be no generator; see :func:`span`."""

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def marked(*args: P.args, **kwargs: P.kwargs) -> R:
            if _recorder is None:
                return function(*args, **kwargs)
            with span(category, name or function.__name__.strip("_")):
                return function(*args, **kwargs)

        return marked

    return mark


def clock() -> Clock | None:
    """Return the clock of what records in this process, or None where nothing does."""
    return None if _recorder is None else _recorder.clock


@contextmanager
def recorded(recorder: Recorder) -> Iterator[Recorder]:
    """Let a recorder hear this process's spans inside the block, and give the place back afterwards."""
    global _recorder
    before, _recorder = _recorder, recorder
    try:
        yield recorder
    finally:
        _recorder = before
