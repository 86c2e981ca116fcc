"""How long a site's round takes on this machine, found by processes that live for no longer than that.

A process of the run's own could not be stopped in the middle of a step, and one that was forked for one
thread must not try several; see pool.py.
"""

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from flwr.app import Context, RecordDict

from isofed.client.app import on_train
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.protocols import wire
from isofed.simulations.federation import Federation, first_orders
from isofed.simulations.grid import RUN_ID
from isofed.simulations.pool import end_with, method

BUDGET = 0.3  # seconds for all answers but the first
BATCHES = (1, 1, 2, 4, 8, 16, 32, 64)  # of each answer; the first is slow, whatever it is


@dataclass(frozen=True)
class Lap:
    """An answer to an order, cut short.

    Args:
        batches: that were trained on.
        whole: that a site's round has.
        seconds: that it took.
        size: bytes of the order.
    """

    batches: int
    whole: int
    seconds: float
    size: int


@dataclass
class Few:
    """Stands for a task's sampler and gives the first ``most`` of its batches.

    Args:
        sample: the task's.
        most: batches of each pass over the data.
        given, whole: batches given, and those there were, since :meth:`begin`.
    """

    sample: Callable[..., Any]
    most: int = 1
    given: int = field(default=0, init=False)
    whole: int = field(default=0, init=False)

    def begin(self, most: int) -> None:
        """Count anew."""
        self.most, self.given, self.whole = most, 0, 0

    def __call__(self, *values: Any) -> Any:
        batches = self.sample(*values)
        self.whole += len(batches)
        self.given += len(batches[: self.most])
        return batches[: self.most]


def seconds_of(laps: Sequence[Lap]) -> float:
    """Return the seconds of a whole round,

        t(n) = t(a) + (n - a) (t(b) - t(a)) / (b - a),

    with a and b the fewest and the most batches that were tried, t the least time of so many, and n those of
    a round; or t(a) n / a where only one number was.

    Args:
        laps: at least one; the first counts only if it is alone.
    """
    seen: dict[int, float] = {}
    for lap in laps[1:] or laps:
        seen[lap.batches] = min(lap.seconds, seen.get(lap.batches, lap.seconds))
    few, many, whole = min(seen), max(seen), laps[-1].whole
    if few == many:
        return seen[few] * whole / max(few, 1)
    each = max(0.0, seen[many] - seen[few]) / (many - few)
    return seen[few] + (whole - few) * each


def tried(
    federation: Federation, images: Mapping[str, int], workers: int, threads: int, limit: float
) -> tuple[float, int] | None:
    """Return the seconds of a site's round, the mean over ``workers`` processes that all work at once, and
    the bytes of an order; None if not all have said something within ``limit`` seconds.

    Args:
        federation: whose first round is tried; nothing of it is kept, and its folder is not touched.
        images: of sites by name, of which the median site is taken; else the first that is asked.
        workers: processes of ``threads`` torch threads each.
        limit: seconds, starting the processes included.
    """
    context = multiprocessing.get_context(method(threads))
    end = time.monotonic() + limit
    with tempfile.TemporaryDirectory(prefix="isofed-trial-") as scratch:
        started = []
        try:
            for number in range(workers):
                place = (federation, dict(images), Path(scratch) / str(number))
                started.append(_start(context, threads, *place))
            heard = _heard([pipe for _, pipe in started], end)
        finally:
            for process, pipe in started:
                process.kill()
                process.join()
                pipe.close()
    if not all(heard):
        return None
    return sum(map(seconds_of, heard)) / workers, heard[0][0].size


def _start(context: Any, threads: int, *place: Any) -> tuple[Any, Connection]:
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_say, args=(theirs, os.getpid(), threads, *place), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _heard(pipes: Sequence[Any], end: float) -> list[list[Lap]]:
    """Return what comes out of each pipe until its writer ends, or until the monotonic clock says ``end``."""
    heard: dict[Any, list[Lap]] = {pipe: [] for pipe in pipes}
    still: list[Any] = list(pipes)
    while still:
        ready: list[Any] = wait(still, max(0.0, end - time.monotonic()))
        if not ready:
            break
        for pipe in ready:
            try:
                heard[pipe].append(pipe.recv())
            except EOFError:
                still.remove(pipe)
    return list(heard.values())


def _say(
    pipe: Connection,
    parent: int,
    threads: int,
    federation: Federation,
    images: Mapping[str, int],
    scratch: Path,
) -> None:
    """Time answers and say each; what goes wrong here will be said by the run itself."""
    import torch

    end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(threads)
    with suppress(Exception):
        for lap in within_budget(answers(federation, images, scratch)):
            pipe.send(lap)


def within_budget(once: Callable[[int], Lap], clock: Callable[[], float] = time.monotonic) -> Iterator[Lap]:
    """Yield a lap that warms up, another, and laps of more and more batches while they will end in time."""
    yield once(BATCHES[0])
    begun, last = clock(), None
    for most in BATCHES[1:]:
        if last is not None and clock() - begun + last.seconds * most / max(last.batches, 1) > BUDGET:
            return
        last = once(most)
        yield last


def answers(federation: Federation, images: Mapping[str, int], scratch: Path) -> Callable[[int], Lap]:
    """Return (batches) to an answer of that many batches of each pass over the data, as a lap.

    Args:
        federation: whose first round is asked.
        images: of sites by name, to choose one.
        scratch: folder in the place of the site's memory.
    """
    whole = federation.workshop()
    task = whole.setting.task
    few = Few(task.training.sample)
    training = replace(task.training, sample=few)
    shop = replace(whole, setting=replace(whole.setting, task=replace(task, training=training)))
    place, message = _typical(_placed(federation, shop), images)
    place, context = replace(place, memory=scratch / "memory"), Context(RUN_ID, 0, {}, RecordDict(), {})

    def once(most: int) -> Lap:
        few.begin(most)
        begun = time.monotonic()
        on_train(shop, place, message, context)
        return Lap(few.given, few.whole, time.monotonic() - begun, wire.payload(message.content))

    return once


def _placed(federation: Federation, shop: Workshop) -> list[tuple[Place, Any]]:
    return [(Place.of(node.config), message) for node, message in first_orders(federation, shop)]


def _typical(asked: Iterable[tuple[Place, Any]], images: Mapping[str, int]) -> tuple[Place, Any]:
    """Return the site that holds neither much nor little."""
    ordered = sorted(asked, key=lambda each: images.get(each[0].site, 0))
    return ordered[len(ordered) // 2] if images else ordered[0]
