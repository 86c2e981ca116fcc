"""How the re-identification task trains: batches, losses, rates."""

from typing import Any

import numpy as np
import torch

from isofed.tasks.reid import augment, losses, sampling, schedule
from isofed.tasks.reid.layouts.tracklets import drawn, partners
from isofed.tasks.reid.model import ReidNet, rate_groups
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.task import Batch, Samples, Training


def sample(samples: Samples, options: ReidOptions, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of every step of a round, (steps, P K) or, paired, (steps, 2 P K): all its epochs."""
    return np.concatenate([_epoch(samples, options, rng) for _ in range(options.local_epochs)])


def _epoch(samples: Samples, options: ReidOptions, rng: np.random.Generator) -> np.ndarray:
    size = options.batch_identities, options.batch_images
    if options.paired:
        return sampling.paired(samples.labels, partners(samples.inputs), *size, rng)
    return sampling.batches(samples.labels, *size, rng)


def transform(
    samples: Samples, images: Any, options: ReidOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return an augmented batch on ``device``."""
    inputs = augment.training(drawn(samples.inputs, images, rng), options, rng, device)
    return Batch(inputs, torch.from_numpy(samples.labels[images]).to(device, non_blocking=True))


def loss(output: Any, labels: torch.Tensor, options: ReidOptions) -> torch.Tensor:
    """L_id + w · L_cir / divisor, the circle loss over the features after the neck.

    Source: L2RW, CVPR 2025, section 3.3; the released code divides the circle loss by the batch size.
    """
    total = losses.identity(output.logits, labels)
    if options.circle_weight == 0.0:
        return total
    circle = losses.circle(output.features, labels, options.circle_margin, options.circle_scale)
    return total + circle * (options.circle_weight / options.circle_divisor)


def optimiser(model: ReidNet, options: ReidOptions) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum; neck and head learn at their own rate."""
    return torch.optim.SGD(
        [{"params": group["params"], "lr": group["lr"]} for group in rate_groups(model, options)],
        lr=options.backbone_rate,
        momentum=options.momentum,
        nesterov=options.momentum > 0,
        weight_decay=options.weight_decay,
        foreach=True,
    )


def rate(done: float, rounds: int, options: ReidOptions) -> float:
    """Return the factor on the peak rates after ``done`` rounds; the peak is at a share of all rounds."""
    return schedule.factor(done, options.warmup * rounds, rounds)


TRAINING = Training(
    sample=sample,
    transform=transform,
    loss=loss,
    loss_unit="batch",
    optimiser=optimiser,
    rate=rate,
    capabilities=("features", "logits"),
)
