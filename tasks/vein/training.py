"""How the vein task trains: batches, loss, rates."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isofed.tasks.task import Batch, Samples, Training
from isofed.tasks.vein import augment
from isofed.tasks.vein.losses import angular
from isofed.tasks.vein.model import Output, VeinNet
from isofed.tasks.vein.options import VeinOptions

FLOOR = 1e-3  # share of the peak rate at which a warm-up begins


def sample(samples: Samples, options: VeinOptions, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of every step of a round, (E ceil(N / B), B) int64: E shuffled passes over N pictures.

    The last batch of a pass is filled up with the first pictures of the same pass; a site with fewer than B
    has batches of N.

    Source: plain minibatches, as in the recipe released with the data set.
    """
    count = len(samples)
    size = min(options.batch, count)
    steps = -(-count // size)
    passes = [np.resize(rng.permutation(count), (steps, size)) for _ in range(options.local_epochs)]
    return np.concatenate(passes).astype(np.int64)


def transform(
    samples: Samples, images: Any, options: VeinOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return an augmented batch on ``device``."""
    inputs = augment.training(samples.inputs[images], options, rng, device)
    return Batch(inputs, torch.from_numpy(samples.labels[images]).to(device))


def still(samples: Samples, images: Any, options: VeinOptions, device: str) -> Batch:
    """Return a batch on ``device`` as evaluation sees it, neither augmented nor labelled."""
    return Batch(augment.plain(samples.inputs[images], device), None)


def loss(output: Output, labels: Tensor, options: VeinOptions) -> Tensor:
    """Return the combined angular margin loss, a mean over examples; see tasks/vein/losses.py."""
    return angular(output.cosines, labels, options.margin)


def optimiser(model: VeinNet, options: VeinOptions) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum and weight decay, one rate for all."""
    return torch.optim.SGD(
        model.parameters(),
        lr=options.rate,
        momentum=options.momentum,
        nesterov=options.momentum > 0,
        weight_decay=options.weight_decay,
        foreach=True,
    )


def rate(done: float, rounds: int, options: VeinOptions) -> float:
    """Return the factor on the peak rate after ``done`` rounds: up in a line, down as a cosine.

    max(1e-3, t / W) for t < W = warmup R, and (1 + cos(pi (t - W) / (R - W))) / 2 from there on.

    Args:
        done: t, rounds done so far, fractions counting the steps of the current round, >= 0.
        rounds: R, of the whole run.
        options: ``warmup``.
    """
    rising = options.warmup * rounds
    if done < rising:
        return max(FLOOR, done / rising)
    return (1 + math.cos(math.pi * min(1.0, (done - rising) / (rounds - rising)))) / 2


TRAINING = Training(
    sample=sample,
    transform=transform,
    loss=loss,
    loss_unit="example",
    optimiser=optimiser,
    rate=rate,
    capabilities=("features", "logits"),
    precision=lambda options: options.precision,
    keeps_optimiser=lambda options: options.keep_momentum and options.momentum > 0.0,
    plain=lambda options: options.momentum == 0.0,
    still=still,
)
