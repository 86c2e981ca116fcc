"""Worker processes that end with their parent, whatever ends it."""

import ctypes
import gc
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from isofed.simulations.heap import keep_freed
from isofed.simulations.slabs import Slabs

PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Pool:
    """A few processes, made once for a whole run: they draw data, serve sites, run small federations.

    Workers of one thread are forked where the system can, so that nothing is imported twice. Workers of
    several threads are always started afresh, which takes them seconds: OpenMP's threads do not survive a
    fork, and a worker that asks a forked team of them for work waits for ever.

    Args:
        workers: how many.
        executor: they themselves; None where this process does the work.
        events: the queue of what they say.
        engine: (nodes by name, configuration, emit) to a grid and the nodes' numbers in it, where something
            else than these workers serves the sites; federations then run one after another. It has a
            ``stop(now)`` as the pool does.
        slabs: memory shared with the workers, where the system has it.
    """

    workers: int
    executor: Any = None
    events: Any = None
    engine: Any = None
    slabs: Slabs | None = None

    @classmethod
    def start(cls, workers: int, threads: int, device: str = "cpu") -> "Pool":
        """Start ``workers`` processes of ``threads`` torch threads each; one worker means this process."""
        _warm_up(workers)
        if workers <= 1:
            _prepare(threads, None, None)
            return cls(1)
        context = multiprocessing.get_context(method(threads, device))
        events = context.SimpleQueue()
        executor = ProcessPoolExecutor(
            workers, mp_context=context, initializer=_prepare, initargs=(threads, os.getpid(), events)
        )
        for started in [executor.submit(_nothing) for _ in range(workers)]:
            started.result()
        return cls(workers, executor, events, slabs=Slabs.here())

    def submit(self, job: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Run ``job`` in a worker, or here and now where there is none."""
        if self.executor is not None:
            return self.executor.submit(job, *args)
        future: Future[Any] = Future()
        try:
            future.set_result(job(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def map(self, job: Callable[[Any], Any], values: Iterable[Any], chunk: int = 8) -> Iterator[Any]:
        """Like the built-in ``map``, in order, spread over the workers."""
        if self.executor is None:
            return map(job, values)
        return self.executor.map(job, values, chunksize=chunk)

    def stop(self, now: bool = False) -> None:
        """End the workers and the engine; ``now`` does not wait for what they are doing."""
        gc.unfreeze()
        if self.engine is not None:
            self.engine.stop(now)
        if self.executor is not None:
            for worker in multiprocessing.active_children() if now else ():
                worker.kill()
            self.executor.shutdown(wait=True, cancel_futures=True)
        if self.slabs is not None:
            self.slabs.close()


def method(threads: int, device: str = "cpu") -> Literal["fork", "spawn"]:
    """Return how workers of ``threads`` torch threads are started.

    Whether this process ever computed on several threads cannot be told, so several never fork; nor does
    what uses a GPU, whose driver does not survive it.
    """
    return "fork" if sys.platform == "linux" and threads == 1 and device == "cpu" else "spawn"


_sink: Any = None  # the worker's end of the event queue, set once when the process starts


def say(name: str, **fields: Any) -> None:
    """Emit an event from inside a worker; nobody listens where there is none."""
    if _sink is not None:
        _sink.put((name, fields))


def _prepare(threads: int, parent: int | None, events: Any) -> None:
    import torch

    global _sink
    keep_freed()
    torch.set_num_threads(threads)
    _sink = events
    if parent is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with(parent)


def _warm_up(workers: int) -> None:
    import torch

    keep_freed()
    if workers > 1:
        # this process only folds what the workers send; its threads would stand in their way
        torch.set_num_threads(1)
    # the first optimiser makes torch import its compiler, which takes a second: once, before forking
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    # what has been imported stays: nobody looks through it for garbage again, for which workers would copy it
    gc.freeze()


def end_with(parent: int) -> None:
    """End this process with its parent, whatever ends that one."""
    # an orphan would go on writing into a run that somebody resumes
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _nothing() -> None:
    # long enough that every worker takes one
    time.sleep(0.01)
