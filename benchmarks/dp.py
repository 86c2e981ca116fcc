#!/usr/bin/env python3
"""What DP-SGD at a site costs: beside Opacus alone on the same model and batches, and beside no privacy.

    python benchmarks/dp.py [--tasks reid vein] [--steps 10] [--repeats 5] [--most 1.05] [--ghost]

Of each task all three train its small network with GroupNorm on drawn noise, with the task's own
augmentation, loss and optimiser, on one thread. ``opacus`` is PrivacyEngine's module, optimiser and Poisson
loader; ``ours`` and ``plain`` are the client's training loop with dp=example, its noise from a stream cipher,
and with dp=none. They take turns; of each the least processor time for an example counts, since batches are
drawn and others on the machine only ever add. The last line is the verdict over all tasks; exits with 1 where
it does not hold. Takes about a minute on a quiet machine.
"""

import argparse
import json
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from opacus import PrivacyEngine
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from isofed.client.place import Place
from isofed.client.train import train
from isofed.client.workshop import Workshop
from isofed.records import Order, Value
from isofed.tasks import TASKS
from isofed.tasks.reid.model import Residual
from isofed.tasks.task import Samples

BATCH, CLASSES, NOISE, NORM = 32, 20, 1.0, 1.0
SEEN = [0]  # examples so far, whoever trained on them
Ran = Callable[[int], None]


@dataclass(frozen=True)
class Case:
    """A task to measure: a layout of it, the shape of a stored picture, and options."""

    layout: str
    shape: tuple[int, ...]
    options: Mapping[str, Any]


CASES: Mapping[str, Case] = {
    "reid": Case(
        "sysu",
        (96, 48, 3),
        {"objective": "identity", "classes": CLASSES, "batch_identities": BATCH // 4, "batch_images": 4},
    ),
    "vein": Case("fingerveinsyn", (48, 144), {"backbone": "small", "batch": BATCH, "warmup": 0.0}),
}


def prepare(name: str, count: int) -> None:
    """Let a task's sites hold noise, and count the examples that its transform is given."""
    case, task, rng = CASES[name], TASKS[name], np.random.default_rng(0)
    samples = Samples(
        rng.integers(0, 256, (count, *case.shape), np.uint8), (np.arange(count) % CLASSES).astype(np.int64)
    )
    assert task.training is not None
    transform = task.training.transform

    def counted(samples: Samples, rows: Any, *rest: Any) -> Any:
        SEEN[0] += len(rows)
        return transform(samples, rows, *rest)

    layout = replace(task.layouts[case.layout], open_train=lambda *a: samples, folders=lambda *a: ())
    training = replace(task.training, transform=counted)
    TASKS[name] = replace(task, layouts={**task.layouts, case.layout: layout}, training=training)


def shop_of(name: str, dp: dict[str, Any]) -> Workshop:
    """Return a workshop of a task."""
    cfg = {
        "run": "benchmark",
        "seed": 0,
        "rounds": 3,
        "evaluate_every": 0,
        "layout": CASES[name].layout,
        "task": {"name": name, "norm": "group", **CASES[name].options},
        "protocol": {"name": "camera"},
        "strategy": {"name": "fedavg"},
        "dp": dp,
    }
    return Workshop.of(json.dumps(cfg))


def of_client(shop: Workshop, folder: Path) -> Ran:
    """Return a round of the client's own loop."""
    place = Place("s0", folder, folder, folder / "memory", "camera", 2)
    shop.fit(place)
    first = {group: Value(shop.trees[group].numpy()) for group in ("model", "buffers")}

    def ran(number: int) -> None:
        train(shop, place, Order("benchmark", 1, number, "", shop.setting.digest, first), {}, f"1.{number}")

    return ran


@contextmanager
def _nothing_in_place() -> Iterator[None]:
    """Let no model write over what a layer gave: Opacus forbids it, and its user has to change it."""

    def residual(block: Any, x: Any) -> Any:
        y = torch.relu(block.bn1(block.conv1(x)))
        return torch.relu(block.bn2(block.conv2(y)) + block.shortcut(x))

    relu = patch.object(functional, "relu", lambda x, inplace=False: torch.relu(x))
    with relu, patch.object(Residual, "forward", residual):
        yield


def of_opacus(shop: Workshop, folder: Path) -> Ran:
    """Return a round of Opacus' own loop."""
    place = Place("s0", folder, folder, folder / "memory", "camera", 2)
    shop.fit(place)
    samples, options, training = shop.samples(place), shop.setting.options, shop.setting.task.training
    engine = PrivacyEngine()
    module, optimiser, loader = engine.make_private(
        module=shop.model.train(),
        optimizer=training.optimiser(shop.model, options),
        data_loader=DataLoader(TensorDataset(torch.arange(len(samples))), batch_size=BATCH),
        noise_multiplier=NOISE,
        max_grad_norm=NORM,
    )

    def ran(number: int) -> None:
        rng = np.random.default_rng(number)
        with _nothing_in_place():
            for (rows,) in loader:
                batch = training.transform(samples, rows.numpy(), options, rng, "cpu")
                optimiser.zero_grad()
                training.loss(module(batch.inputs), batch.labels, options).backward()
                optimiser.step()

    return ran


def measured(ways: dict[str, Ran], repeats: int) -> dict[str, float]:
    """Return of each way the least seconds of processor time for an example, taking turns."""
    least = dict.fromkeys(ways, float("inf"))
    for number in range(1, repeats + 2):
        for name, ran in ways.items():
            begun, seen = time.process_time(), SEEN[0]
            ran(number)
            spent = (time.process_time() - begun) / (SEEN[0] - seen)
            if number > 1:  # the first warms up
                least[name] = min(least[name], spent)
    return least


def judged(name: str, asked: argparse.Namespace) -> tuple[float, float]:
    """Measure one task, print its times and return ours over Opacus', and over no privacy's."""
    with tempfile.TemporaryDirectory() as place:
        folder, off = Path(place), {"name": "none"}
        prepare(name, asked.steps * BATCH)
        dp = {"name": "example", "noise": NOISE, "norm": NORM, "ghost": asked.ghost}
        ours, plain, alone = (shop_of(name, each) for each in (dp, off, off))
        size = sum(p.numel() for p in plain.model.parameters())
        found = measured(
            {
                "ours": of_client(ours, folder),
                "plain": of_client(plain, folder),
                "opacus": of_opacus(alone, folder),
            },
            asked.repeats,
        )
    print(f"{name}: {size:,} numbers, {asked.steps} steps of {BATCH} on average a round")
    for way, seconds in found.items():
        print(f"{way:>7} {1000 * seconds * BATCH:7.1f} ms of processor time a step")
    ratio, cost = found["ours"] / found["opacus"], found["ours"] / found["plain"]
    print(f"ours / opacus {ratio:.3f} (at most {asked.most})\nours / plain  {cost:.3f}", flush=True)
    return ratio, cost


def main() -> int:
    """Print times and ratios of each task, and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--most", type=float, default=1.05)
    parser.add_argument("--ghost", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")  # of Opacus' loader, and of its hooks
    found = {name: judged(name, asked) for name in asked.tasks}
    bad = [name for name, (ratio, _) in found.items() if ratio > asked.most]
    told = ", ".join(f"{name} {r:.3f} of Opacus, {c:.2f} of no privacy" for name, (r, c) in found.items())
    print(f"{'accepted' if not bad else 'FAILS'}: {told}; at most {asked.most} of Opacus")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
