"""What a training step of micro-gestures costs beside a bare PyTorch loop of the same model.

    .venv/bin/python benchmarks/micro_gesture.py [--rounds 3] [--runs 3] [--width 24] [--depth e2d2]

Prints one JSON object, seconds of processor time of one core, the least of several runs, taken in turns: a
step of one trainer's round as `isofed simulate` takes it, clips from the cache on disk, report and checkpoint
included, the first round and both evaluations not, and a step of a loop over tensors that lie ready in
memory; beside them what the data path costs by itself, a batch from the cache and a clip from its JSON.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.tasks.micro_gesture import TASK, training
from isofed.tasks.micro_gesture.options import MicroGestureOptions

LAYOUT = TASK.layouts["imigue"]
MADE = {"subjects": 8, "videos": 3, "clips": 8}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="passes over all clips in a run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--depth", default="e2d2")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        LAYOUT.make(folder / "data", 0, LAYOUT.options(**MADE), map, None)
        json.dump(told(folder, given), sys.stdout, indent=1)
    print()


def told(folder: Path, given: Any) -> dict[str, Any]:
    """Return the numbers."""
    words = {"width": given.width, "depth": given.depth, "schedule": "constant", "warmup": 0}
    options = MicroGestureOptions(body="imigue", **words)
    begun = time.process_time()
    samples = LAYOUT.open_train(folder / "data", "pooled", folder / "cache", options)
    opened = time.process_time() - begun
    rows = training.sample(samples, options, np.random.default_rng(0))
    steps = given.rounds * len(rows)
    ours, bare = alternately(
        given.runs,
        lambda at: (
            federated(folder, f"run{at}", words, given.rounds + 1) - federated(folder, f"one{at}", words, 1)
        ),
        lambda at: loop(samples, rows, options, given.rounds),
    )
    batches = timed(lambda: [batch(samples, each, options) for each in rows]) / len(rows)
    return {
        "clips": len(samples),
        "parameters": sum(p.numel() for p in TASK.model(options, torch.Generator()).parameters()),
        "batch": options.batch,
        "steps": steps,
        "step_seconds_ours": round(ours / steps, 5),
        "step_seconds_bare": round(bare / steps, 5),
        "ours_over_bare": round(ours / bare, 3),
        "batch_seconds_from_the_cache": round(batches, 6),
        "clip_seconds_from_its_json": round(opened / len(samples), 6),
    }


def batch(samples: Any, rows: Any, options: MicroGestureOptions) -> Any:
    """Return what a step is fed."""
    return training.transform(samples, rows, options, np.random.default_rng(0), "cpu")


def federated(folder: Path, name: str, words: dict[str, Any], rounds: int) -> float:
    """Return the processor time of one trainer's rounds."""
    cfg = {
        **{"run": name, "seed": 0, "rounds": rounds, "evaluate_every": 0, "layout": "imigue"},
        "task": {"name": "micro_gesture", "body": "imigue", **words},
        "protocol": {"name": "sharing"},
        "strategy": {"name": "fedavg"},
    }
    federation = Federation(name, cfg, ("pooled",), folder / "data", folder / "homes", folder / name)
    return timed(lambda: run(federation, Pool(1)))


def loop(samples: Any, rows: Any, options: MicroGestureOptions, rounds: int) -> float:
    """Return the processor time of the bare loop: the same model, loss and optimiser in plain PyTorch."""
    model = TASK.model(options, torch.Generator().manual_seed(0)).train()
    optimiser = torch.optim.SGD(
        model.parameters(), options.rate, options.momentum, nesterov=True, foreach=True
    )
    given = [batch(samples, each, options) for each in rows]

    def passes() -> None:
        for _ in range(rounds):
            for each in given:
                output = model(each.inputs)
                loss = F.cross_entropy(output.logits, each.labels) + F.mse_loss(
                    output.rebuilt, output.reference
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    return timed(passes)


def alternately(runs: int, *works: Callable[[int], float]) -> list[float]:
    """Return the least of several runs of each, taken in turns."""
    found = [[work(at) for work in works] for at in range(runs)]
    return [min(each) for each in zip(*found, strict=True)]


def timed(work: Callable[[], object]) -> float:
    """Return the processor time that something takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
