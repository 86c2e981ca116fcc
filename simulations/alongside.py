"""Small federations side by side, one a worker, with what they say passed on while they run."""

import time
from collections.abc import Iterable
from typing import Any

from isofed.events import Emit
from isofed.simulations.federation import Federation, load_result, run, run_in_worker
from isofed.simulations.pool import Pool


def side_by_side(federations: Iterable[Federation], pool: Pool, emit: Emit) -> dict[str, Any]:
    """Run those federations that are not done yet, and return the results of all by name.

    Without workers, and on another engine, they run one after another and are heard all the same.
    """
    federations = list(federations)
    results = {f.name: load_result(f) for f in federations if f.done}
    missing = [f for f in federations if not f.done]
    if pool.executor is None or pool.engine is not None:
        return results | {f.name: run(f, pool, emit) for f in missing}
    running = {f.name: pool.submit(run_in_worker, f) for f in missing}
    for name, future in running.items():
        while not future.done():
            drain(pool, emit, 0.2)
        results[name] = future.result()
    drain(pool, emit, 0.0)
    return results


def drain(pool: Pool, emit: Emit, seconds: float) -> None:
    """Pass on what the workers said, for ``seconds``."""
    end = time.monotonic() + seconds
    while pool.events is not None:
        while not pool.events.empty():
            name, fields = pool.events.get()
            emit(name, **fields)
        if time.monotonic() >= end:
            return
        time.sleep(0.05)
