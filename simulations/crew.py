"""A round's messages, spread over a pool's workers."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isofed import spans
from isofed.events import Emit, silent
from isofed.simulations.carriage import Writer, Written, address, arrays_in, read, room
from isofed.simulations.pool import Pool
from isofed.simulations.slabs import Slab, mapped
from isofed.spans import ENGINE, WAITING, span

AHEAD = 2  # batches that each worker has or will have at once; replies that nobody folds yet take memory
MOST = 32  # messages of one batch
SMALL = 4 << 20  # bytes of a batch's arrays, where it is more than one message
LARGE = 16 << 20  # bytes of a reply
WAIT_SECONDS = 0.2

Answer = Callable[..., list[Any]]
Lent = tuple[Slab, np.ndarray] | None


@dataclass
class Crew:
    """Gives batches of calls to a pool's workers, a few at a time, and brings their answers.

    Args:
        pool: the workers.
        answer: (configuration, calls, together, whether answers may show the model's own memory) to an answer
            each; runs in a worker.
        cfg: the run's configuration as JSON.
        together: calls that are answered at once, or 0.
        emit: told of the workers' ``spans`` where this process records its own.
    """

    pool: Pool
    answer: Answer
    cfg: str
    together: int = 0
    emit: Emit = silent
    _queued: deque[tuple[Written, int]] = field(default_factory=deque)
    _running: dict[Future[Any], tuple[Lent, Lent]] = field(default_factory=dict)
    _orders: Lent = None
    _room: int = 0

    def begin(self, calls: Sequence[Any], contents: Sequence[Any]) -> None:
        """Take calls, to be answered in the order given as far as workers are free; forget all earlier ones.

        Args:
            calls: what ``answer`` takes, in the order of the sites.
            contents: the record of each.
        """
        self.forget()
        arrays = [arrays_in(content) for content in contents]
        sizes = [sum(room(array.nbytes) for array in each) for each in arrays]
        self._room = max([self._room, *sizes])
        distinct = {address(array): room(array.nbytes) for each in arrays for array in each}
        self._orders = self._lend(sum(distinct.values()))
        writer, many = Writer(_array(self._orders)), self._many(len(calls), max(sizes, default=0))
        for start in range(0, len(calls), many):
            batch = calls[start : start + many]
            self._queued.append((writer.write(batch), len(batch)))
        self._start()

    def forget(self) -> None:
        """Drop what is not answered; what a worker is at is let run, and nobody listens."""
        self._queued.clear()
        for future, lent in self._running.items():
            if not future.cancel():
                # until the worker has ended, nobody else may write where it does
                future.add_done_callback(lambda _, lent=lent: None)  # type: ignore[misc]
        self._running.clear()
        self._orders = None

    def finished(self) -> list[Any]:
        """Return the answers that are there, after a moment's wait where none is."""
        with span(WAITING):
            done, _ = wait(self._running, timeout=WAIT_SECONDS, return_when=FIRST_COMPLETED)
        answers: list[Any] = []
        for future in done:
            _, replies = self._running.pop(future)
            content, needed, count, *recorded = future.result()
            for worker, stretches in recorded:
                self.emit("spans", worker=worker, stretches=stretches)
            self._room = max(self._room, -(-needed // count))
            answers += read(content, _array(replies))
        self._start()
        return answers

    def _start(self) -> None:
        # large replies that nobody has folded yet are what takes memory
        ahead = self.pool.workers + 1 if self._room > LARGE else AHEAD * self.pool.workers
        while self._queued and len(self._running) < ahead:
            content, count = self._queued.popleft()
            replies = self._lend(self._room * count)
            lent = _slab(self._orders), _slab(replies)
            asked = serve, self.answer, self.cfg, content, *lent, self.together, spans.clock()
            future = self.pool.submit(*asked)
            # lent until the worker has read the one, and somebody the other
            self._running[future] = self._orders, replies

    def _many(self, calls: int, size: int) -> int:
        """Return the calls of a batch: several where they are small, because a batch costs as much as one."""
        return self.together or max(1, min(several(size), calls // (2 * AHEAD * self.pool.workers)))

    def _lend(self, size: int) -> Lent:
        return self.pool.slabs.lend(size) if self.pool.slabs and size else None


def several(size: int) -> int:
    """Return how many messages of ``size`` bytes are answered in one go: one where they are large."""
    return max(1, min(MOST, SMALL // max(size, 1)))


def _slab(lent: Lent) -> Slab | None:
    return lent[0] if lent else None


def _array(lent: Lent) -> np.ndarray | None:
    return lent[1] if lent else None


def serve(
    answer: Answer,
    cfg: str,
    content: Written,
    orders: Slab | None,
    replies: Slab | None,
    together: int,
    clock: spans.Clock | None = None,
) -> tuple[Any, ...]:
    """Answer a batch in a worker.

    Returns:
        The answers as written, what their arrays take, and their number; where a clock is given, then also
        this process's number and its spans, none of which it keeps.
    """
    if clock is None:
        return _served(answer, cfg, content, orders, replies, together)
    with spans.recorded(spans.Recorder(clock)) as recorder, span(ENGINE, "batch"):
        done = _served(answer, cfg, content, orders, replies, together)
    return *done, (os.getpid(), recorder.taken())


def _served(
    answer: Answer, cfg: str, content: Written, orders: Slab | None, replies: Slab | None, together: int
) -> tuple[Written, int, int]:
    calls = read(content, mapped(orders) if orders else None)
    writer = Writer(mapped(replies) if replies else None)
    # a single answer may show the model's own memory: it is written down before anybody trains again
    answers = answer(cfg, calls, together, len(calls) == 1)
    return writer.write(answers), writer.needed, len(calls)
