#!/usr/bin/env python3
"""The networks at full size: built with the released parameter counts, and one training step of each.

    python tests/acceptance/issue_9/full_size.py [--batch 2]

Counts are those of the released classes with what nothing reads, and those that are trained here. The step is
the recipe's own: its loss, its optimiser, its first rate. Exits with 1 where a count is another one, where a
parameter has no gradient or stands still that should move, or where a loss is no number.
"""

import argparse
import math
import sys
import time
from typing import Any

import numpy as np
import torch

from isofed.simulations.command import composed
from isofed.tasks.micro_gesture import TASK
from isofed.tasks.micro_gesture.attention import Kind
from isofed.tasks.micro_gesture.joints import BODIES
from isofed.tasks.micro_gesture.model import build
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.micro_gesture.training import loss, optimiser, rate, transform
from isofed.tasks.task import Samples

RELEASED = {
    ("imigue", "linear"): 7_921_160,
    ("imigue", "interpolate"): 3_822_780,
    ("imigue", "conv"): 3_831_620,
    ("imigue", ""): 2_985_272,
    ("smg", "linear"): 11_651_216,
    ("smg", "interpolate"): 6_360_216,
    ("smg", ""): 4_678_180,
}
DEPTH = {"imigue": "e6d2", "smg": "e10d4"}


def count(model: Any) -> int:
    """Return how many numbers are trained."""
    return sum(p.numel() for p in model.parameters())


def counted() -> int:
    """Print the counts; return how many are wrong."""
    bad = 0
    for (body, up), expected in RELEASED.items():
        draw = [torch.Generator().manual_seed(0) for _ in range(2)]
        whole = count(build(body, DEPTH[body], draw[0], up=up, kind=Kind(unused=True)))
        read = count(build(body, DEPTH[body], draw[1], up=up))
        bad += whole != expected
        word = "" if whole == expected else f"  FAILS: expected {expected:,}"
        print(f"{body:<8}{DEPTH[body]:<7}{up or 'no decoder':<13}{whole:>12,}{read:>13,} read{word}")
    return bad


def step(body: str, batch: int) -> int:
    """Take one step of a body's recipe; return 1 where something is wrong."""
    values = dict(composed([f"task=micro_gesture_{body}"])["task"])
    options = MicroGestureOptions(**{k: v for k, v in values.items() if k != "name"})
    model, rng = TASK.model(options, torch.Generator().manual_seed(0)).train(), np.random.default_rng(0)
    clips = rng.standard_normal((batch, 3, 52, len(BODIES[body].joints))).astype(np.float32)
    samples = Samples(clips, np.arange(batch) % 3 - 1)  # some without a label
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    begun, steps = time.perf_counter(), optimiser(model, options)
    for group in steps.param_groups:
        group["lr"] *= rate(0, 100, options)
    given = transform(samples, np.arange(batch), options, rng, "cpu")
    found = loss(model(given.inputs), given.labels, options)
    found.backward()
    steps.step()
    spent = time.perf_counter() - begun
    none = [name for name, p in model.named_parameters() if p.grad is None]
    moved = sum(not torch.equal(before[name], p) for name, p in model.named_parameters())
    well = not none and moved and math.isfinite(found.item())
    print(f"{body}: one step of {batch} clips, loss {found.item():.2f}, {spent:.1f} s, {moved} tensors moved")
    return 0 if well else 1


def main() -> int:
    """Count and step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--batch", type=int, default=2, help="clips of the step")
    batch = parser.parse_args().batch
    bad = counted() + sum(step(body, batch) for body in BODIES)
    print("accepted" if not bad else f"FAILS: {bad}")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
