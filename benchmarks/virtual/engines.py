"""The engines that are compared: each a function from a job to the model's final arrays, in order.

Run by run.py, once for each engine in a process of its own:

    python engines.py ENGINE WORKLOAD COHORT USERS FOLDER SCRATCH
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from turns import Job, Turns
from workloads import WORKLOADS, Users

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Engine:
    """How an engine is run.

    Args:
        words: for the table.
        run: from a job and its turns to the final arrays in the order of the model's parameters.
        threads: of torch in each process that trains.
        workers: processes that train.
        needs: a package without which it is skipped.
        together: clients that a process trains at once, their models stacked; isofed's alone.
        traced: whether steps are taken by their operations; isofed's alone.
        pauses: whether it has processes that are busy when it is not its turn, so that they are stopped.
    """

    words: str
    run: Callable[[Job, Turns], Arrays]
    threads: int = 1
    workers: int = 1
    needs: str = "torch"
    together: int = 0
    traced: bool = False
    pauses: bool = False

    @property
    def there(self) -> bool:
        """Whether its package is installed."""
        return find_spec(self.needs) is not None


def bare(job: Job, turns: Turns) -> Arrays:
    """The bare loop."""
    from bare import Bare

    loop = Bare.of(Users.open(job.folder, job.workload))
    while turns.take():
        loop.step()
        turns.done()
    return [tensor.numpy() for tensor in loop.held]


def halves(job: Job, turns: Turns) -> Arrays:
    """Two bare loops, which share a round's users."""
    from halves import simulate

    return simulate(job, turns)


def copy(job: Job, turns: Turns) -> Arrays:
    """A plain copy of the model's bytes for each user of the round: what moving them costs at least."""
    from models import initial

    source = np.concatenate([p.detach().numpy().reshape(-1) for p in initial(job.workload).parameters()])
    target = np.empty_like(source)
    while turns.take():
        for _ in range(job.workload.cohort):
            np.copyto(target, source)
        turns.done()
    return []


def isofed(job: Job, turns: Turns) -> Arrays:
    """The local engine: a federation of the round's users, everything between two commits."""
    from virtual_tasks import configuration, register

    from isofed.errors import IsofedError
    from isofed.server.state import Checkpoints
    from isofed.simulations.federation import CHECKPOINTS, Federation, first_state, run
    from isofed.simulations.pool import Pool

    class Enough(IsofedError):
        """Ends the run when there are no more turns."""

    def listen(name: str, **fields: Any) -> None:
        if name == "round_done":
            turns.done(seconds=fields["seconds"])
            if not turns.take():
                raise Enough("no more turns")

    register(job.workload, job.folder)
    sites = tuple(job.workload.draw(1))
    federation = Federation(
        "benchmark",
        configuration(job.workload, 1_000_000),
        sites,
        job.folder,
        job.scratch / "sites",
        job.scratch / "run",
        threads=job.threads,
        together=ENGINES[job.engine].together,
        traced=ENGINES[job.engine].traced,
    )
    if not turns.take():
        return []
    pool = Pool.start(job.workers, job.threads)
    with suppress(Enough):
        run(federation, pool, listen)
    pool.stop()
    shop = federation.workshop()
    checkpoints = Checkpoints(federation.folder / CHECKPOINTS, shop.setting.digest)
    return [array for _, array in checkpoints.latest(first_state(shop)).trees["model"].items()]


def flower(job: Job, turns: Turns) -> Arrays:
    """Flower's simulation on Ray."""
    from flower import simulate

    return simulate(job, turns)


def pfl(job: Job, turns: Turns) -> Arrays:
    """Apple's pfl, in one process or in two."""
    if job.workers > 1:
        from peer_pfl_two import simulate
    else:
        from peer_pfl import simulate

    return simulate(job, turns)


ENGINES = {
    "bare": Engine("bare loop", bare, threads=2),
    "bare1": Engine("bare loop", bare),
    "bare1x2": Engine("bare loop, two processes", halves, workers=2),
    "copy": Engine("plain copy of the bytes", copy),
    "isofed": Engine("isofed, one process", isofed, threads=2),
    "isofed1": Engine("isofed, one process", isofed),
    "isofed2": Engine("isofed, two workers", isofed, workers=2),
    "isofed1_traced": Engine("isofed, one process, traced", isofed, traced=True),
    "isofed2_traced": Engine("isofed, two workers, traced", isofed, workers=2, traced=True),
    "isofed1_together": Engine("isofed, 50 stacked", isofed, together=50),
    "isofed_together": Engine("isofed, two workers, 25 stacked", isofed, workers=2, together=25),
    "pfl": Engine("pfl, one process", pfl, threads=2, needs="pfl"),
    "pfl1": Engine("pfl, one process", pfl, needs="pfl"),
    "pfl2": Engine("pfl, two processes", pfl, workers=2, needs="pfl"),
    "flower": Engine("Flower, two Ray actors", flower, workers=2, needs="ray", pauses=True),
}


def words_of(job: Job) -> list[str]:
    """Return a job as the words of a command."""
    size = (str(job.workload.cohort), str(job.workload.users))
    return [job.engine, job.workload.name, *size, str(job.folder), str(job.scratch)]


def job_of(words: list[str]) -> Job:
    """Return the job that :func:`words_of` wrote down."""
    name, workload, cohort, users, folder, scratch = words
    engine = ENGINES[name]
    chosen = replace(WORKLOADS[workload], cohort=int(cohort), users=int(users))
    return Job(name, chosen, Path(folder), Path(scratch), engine.threads, engine.workers)


def main() -> None:
    """Serve one engine's turns."""
    import torch

    job, turns = job_of(sys.argv[1:]), Turns()
    torch.set_num_threads(job.threads)
    found = ENGINES[job.engine].run(job, turns)
    turns.finish(job.scratch / "weights.npz", {str(n): array for n, array in enumerate(found)})


if __name__ == "__main__":
    main()
