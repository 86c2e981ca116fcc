"""What every experiment does alike: claims its folder, starts its workers, draws its data."""

import json
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isofed.errors import CheckpointError, RoundError
from isofed.files import write_json
from isofed.simulations.plan import Plan
from isofed.simulations.pool import Pool
from isofed.simulations.progress import Progress


def claim(options: Any, place: Path) -> None:
    """Write down the options of a new folder, or see that those found are the same.

    Args:
        options: a dataclass.
        place: the file that holds them.

    Raises:
        CheckpointError: they are others.
    """
    mine = asdict(options)
    if not place.exists():
        return write_json(place, mine)
    try:
        found = dict(json.loads(place.read_text()))
    except (ValueError, TypeError):
        raise CheckpointError(f"'{place}' is damaged; start anew in another folder: out=DIR") from None
    # no result depends on the number of processes
    other = sorted(key for key in {*found, *mine} - {"workers"} if found.get(key) != mine.get(key))
    if other:
        raise CheckpointError(
            f"'{place.parent}' holds an experiment with other options ({', '.join(other)}); write them as "
            "they were to continue it, or name another folder: out=DIR"
        )
    return None


@contextmanager
def workers(engine: Any) -> Iterator[Pool]:
    """Start an engine's worker processes, and stop them whatever happens.

    Raises:
        RoundError: one of them was ended from outside.
    """
    pool = Pool.start(engine.workers, engine.threads_per_client)
    try:
        yield pool
    except BrokenProcessPool:
        pool.stop(now=True)
        raise RoundError(
            "a worker process was ended from outside, perhaps because memory ran out; make room and write "
            "the same command again, which continues"
        ) from None
    except BaseException:
        pool.stop(now=True)
        raise
    pool.stop()


def draw(plan: Plan, pool: Pool, progress: Progress, what: str) -> None:
    """Draw a plan's data unless they are there; what a killed process began is finished."""
    if plan.root.exists():
        return
    options = plan.layout.options(**plan.data.make)
    told = lambda done, total: progress.step(f"drawing {what}", done, total)  # noqa: E731
    plan.layout.make(plan.root, plan.data.seed, options, pool.map, told)
