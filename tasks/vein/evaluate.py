"""The evaluator's measurement: every comparison that a rule asks for, as numbers that add up over sites."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from isofed.tasks.task import Statistics
from isofed.tasks.vein.benchmarks import rules
from isofed.tasks.vein.benchmarks.tally import from_scalars
from isofed.tasks.vein.layouts.halves import TestSet
from isofed.tasks.vein.model import prepared

CHUNK = 64  # pictures that go through the network at a time
Embed = Callable[[NDArray[np.uint8]], torch.Tensor]


def embed(model: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the embeddings of pictures, (N, 100, 300) uint8 to (N, D), not normalised.

    Args:
        model: a `VeinNet` in evaluation mode; computed where it lies.
        pixels: possibly memory-mapped.
    """
    device = next(model.parameters()).device

    def one(part: NDArray[np.uint8]) -> torch.Tensor:
        features: torch.Tensor = model(prepared(torch.tensor(part).to(device))).features
        return features.float().cpu()

    return _chunks(one, pixels)


def measure(model: Any, test: TestSet) -> Statistics:
    """Return the tally of a database's comparisons under its rule; see tasks/vein/benchmarks/tally.py."""
    found = rules.score(embed(model, test.fingers.pixels), test.fingers.takes, test.split)
    return found.to_scalars()


def measure_pixels(test: TestSet) -> Statistics:
    """Measure raw pixels, their mean taken off, as if they were an embedding: what no learning gives."""

    def one(part: NDArray[np.uint8]) -> torch.Tensor:
        small = torch.nn.functional.avg_pool2d(prepared(torch.tensor(part)), 5)  # 20 x 60
        return small.flatten(1) - small.mean((1, 2, 3))[:, None]

    found = rules.score(_chunks(one, test.fingers.pixels), test.fingers.takes, test.split)
    return found.to_scalars()


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``mean``: EER, TAR at every FAR that may be told, rank-1, d' and the histogram's errors.

    Raises:
        DataError: these are no sums of such comparisons.
    """
    return {"mean": from_scalars(statistics).result(), "spread": {}}


def _chunks(one: Embed, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        parts = [one(pixels[at : at + CHUNK]).numpy() for at in range(0, len(pixels), CHUNK)]
    return np.concatenate(parts)
