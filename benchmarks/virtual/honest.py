"""Whether bare.py is kept honest: its CPU time against its reference twin's, in turns, within one process.

    .venv/bin/python benchmarks/virtual/honest.py [--workload cnn] [--rounds 40] [--threads 2]

CPU time, because on a machine with other work wall time is too noisy to tell 2 %. Ends with 1 if the
median of the ratios, turn by turn, is above 1.02, or if the weights differ in a bit.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from bare import Bare
from models import initial, optimiser
from reference import reference_round
from workloads import WORKLOADS, Users

MOST = 1.02


def main() -> None:
    """Run both in turns and print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workload", choices=WORKLOADS, default="cnn")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--cohort", type=int, help="users of a round, if not the workload's")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    workload = WORKLOADS[arguments.workload]
    workload = replace(workload, cohort=arguments.cohort or workload.cohort)
    with tempfile.TemporaryDirectory(prefix="isofed-benchmark-") as name:
        Users.make(Path(name), workload)
        found = compare(Users.open(Path(name), workload), arguments.rounds)
    print(json.dumps(found, indent=1))
    sys.exit(found["ratio"] > MOST or not found["same_bits"])


def compare(users: Users, rounds: int) -> dict[str, float]:
    """Return the ratio of bare to reference, and both medians, after one turn to warm up."""
    loop, model = Bare.of(users), initial(users.workload)
    steps, examples = optimiser(users.workload, model), users.workload.examples

    def reference(round: int) -> None:
        names = users.workload.draw(round)
        reference_round(model, steps, names, lambda user: users.batches(user, round), examples)

    ours, theirs = [], []
    for round in range(1, rounds + 2):
        # who goes first changes, so that neither always finds the other's data in the caches
        if round % 2:
            ours.append(_seconds(lambda _: loop.step(), round))
        theirs.append(_seconds(reference, round))
        if not round % 2:
            ours.append(_seconds(lambda _: loop.step(), round))
    same = all(torch.equal(a, b) for a, b in zip(loop.model.parameters(), model.parameters(), strict=True))
    ratios = [a / b for a, b in zip(ours[1:], theirs[1:], strict=True)]
    return {
        "ratio": statistics.median(ratios),
        "least": min(ratios),
        "most": max(ratios),
        "bare_seconds": statistics.median(ours[1:]),
        "reference_seconds": statistics.median(theirs[1:]),
        "same_bits": same,
    }


def _seconds(step: Callable[[int], None], round: int) -> float:
    started = time.process_time()
    step(round)
    return time.process_time() - started


if __name__ == "__main__":
    main()
