"""A round of the main job against the bare loop, in turns, within one run.

    .venv/bin/python benchmarks/round.py [--rounds 12] [--workers 2] [--strategy fedavg]

Prints the seconds of both, the ratio round by round, and the first reply. isofed's round is everything
between two commits: orders, training, contracts, site memories, replies, aggregation, checkpoint. The
bare loop's is training and averaging alone, on batches that were augmented beforehand.
"""

import argparse
import json
import os
import statistics
import time
from contextlib import suppress
from typing import Any

import torch
from workload import bare, prepared

from isofed.errors import IsofedError
from isofed.simulations.federation import run
from isofed.simulations.pool import Pool


class Enough(IsofedError):
    """Ends the run after the rounds asked for."""


def main() -> None:
    """Run both in turns and print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--rounds", type=int, default=12, help="rounds of each, after one to warm up")
    parser.add_argument("--workers", type=int, default=cores)
    parser.add_argument("--threads", type=int, default=1, help="torch threads of an isofed client")
    parser.add_argument("--strategy", choices=("fedavg", "dppt"), default="fedavg")
    arguments = parser.parse_args()
    with prepared(arguments.strategy) as federation:
        pool = Pool.start(arguments.workers, arguments.threads)
        print(json.dumps(compare(federation, pool, arguments, cores), indent=1))
        pool.stop()


def compare(federation: Any, pool: Pool, arguments: Any, cores: int) -> dict[str, Any]:
    """Return both sides' seconds and their ratios."""
    loop = bare(federation, bank=arguments.strategy == "dppt")
    ours: list[float] = []
    floor: list[float] = []
    first: list[float] = []
    mark = started = time.perf_counter()

    def listen(name: str, **fields: Any) -> None:
        nonlocal mark
        if name == "reply" and not first:
            first.append(time.perf_counter() - started)
        if name != "round_done":
            return
        ours.append(time.perf_counter() - mark)
        # the bare loop gets all cores; a client's own threads are restored for what runs in this process
        torch.set_num_threads(cores)
        floor.append(loop.round())
        torch.set_num_threads(arguments.threads)
        if len(ours) > arguments.rounds:
            raise Enough("measured")
        mark = time.perf_counter()

    with suppress(Enough):
        run(federation, pool, listen)
    ratios = [a / b for a, b in zip(ours[1:], floor[1:], strict=True)]
    return {
        "strategy": arguments.strategy,
        "workers": arguments.workers,
        "threads_per_client": arguments.threads,
        "bare_threads": cores,
        "isofed_seconds": _spread(ours[1:]),
        "bare_seconds": _spread(floor[1:]),
        "ratio": _spread(ratios),
        "first_reply_seconds": first[0],
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


if __name__ == "__main__":
    main()
