"""How the re-identification task trains: batches, losses, rates."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from isofed.errors import DataError
from isofed.tasks.private import PrivateTraining, batch_norm
from isofed.tasks.reid import augment, erasing, objectives, sampling, schedule
from isofed.tasks.reid.layouts.common import INFRARED
from isofed.tasks.reid.layouts.tracklets import drawn, partners, still
from isofed.tasks.reid.model import ReidNet, rate_groups
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.stems import Views
from isofed.tasks.task import Batch, Samples, Training


def sample(samples: Samples, options: ReidOptions, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of every step of a round, all its epochs: (steps, P K).

    Paired or of each modality (steps, 2 P K); joint (steps, 3 P K), its visible rows twice, then infrared.
    """
    return np.concatenate([_epoch(samples, options, rng) for _ in range(options.local_epochs)])


def _epoch(samples: Samples, options: ReidOptions, rng: np.random.Generator) -> np.ndarray:
    size = options.batch_identities, options.batch_images
    if options.paired:
        return sampling.paired(samples.labels, partners(samples.inputs), *size, rng)
    if options.per_modality:
        rows = sampling.each_modality(samples.labels, _domains(samples), *size, rng)
        return np.concatenate([rows[:, : rows.shape[1] // 2], rows], axis=1) if options.joint else rows
    return sampling.batches(samples.labels, *size, rng)


def transform(
    samples: Samples, images: Any, options: ReidOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return an augmented batch on ``device``."""
    inputs = _augmented(drawn(samples.inputs, images, rng), options, rng, device)
    if options.erasing > 0:
        inputs = erasing.erase(inputs, options.erasing, rng)
    labels = torch.from_numpy(samples.labels[images]).to(device, non_blocking=True)
    return Batch(_seen(samples, images, inputs, options), labels)


def undrawn(samples: Samples, images: Any, options: ReidOptions, device: str) -> Batch:
    """Return a batch on ``device`` as evaluation sees it, neither augmented nor labelled."""
    inputs = augment.plain(still(samples.inputs, images), device)
    return Batch(_seen(samples, images, inputs, options), None)


def _seen(samples: Samples, images: Any, inputs: torch.Tensor, options: ReidOptions) -> torch.Tensor | Views:
    """Return what the network is fed: the pictures, and with two stems their modality."""
    if options.stems == 1:
        return inputs
    infrared = torch.from_numpy(_domains(samples)[images] == INFRARED)
    return Views(inputs, infrared.to(inputs.device, non_blocking=True))


def _augmented(
    pictures: np.ndarray, options: ReidOptions, rng: np.random.Generator, device: str
) -> torch.Tensor:
    """Augment a batch; of a joint one the first third keeps its channels and the second has equal ones.

    Source: Ye et al., Channel augmented joint learning for visible-infrared recognition, ICCV 2021.
    """
    if not options.joint:
        return augment.training(pictures, options, rng, device)
    each = (
        replace(options, channel_augmentation=0.0),
        replace(options, channel_augmentation=1.0, channel_kinds="copies"),
        options,
    )
    parts = zip(np.split(pictures, len(each)), each, strict=True)
    return torch.cat([augment.training(part, chosen, rng, device) for part, chosen in parts])


def _domains(samples: Samples) -> Any:
    if samples.domains is None:
        raise DataError(
            "per_modality and stems=2 must know which images are infrared, which this site is not told; "
            "use them under protocol=sharing"
        )
    return samples.domains


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
    """Return the factor on the peak rates after ``done`` rounds."""
    if options.schedule == "stairs":
        return schedule.stairs(done)
    peak = schedule.peak(options.peak_round, options.warmup, rounds)
    return schedule.factor(done, peak, rounds)


def alone(options: ReidOptions) -> str | None:
    """Return why an image's gradient would not be its own, with what to write, or None."""
    if options.objective != "identity" and not (
        options.objective == "baseline" and options.circle_weight == 0
    ):
        return (
            f"the objective '{options.objective}' compares the images of a batch with each other; write "
            "task.objective=identity"
        )
    for name in ("per_modality", "joint", "paired"):
        if getattr(options, name):
            return (
                f"task.{name}=true builds batches of a structure, but every image must come by a chance of "
                f"its own; write task.{name}=false"
            )
    if options.stems == 2:
        return "task.stems=2 sends the images of a batch two ways; write task.stems=1"
    return batch_norm(options.norm)


PRIVATE = PrivateTraining(
    example="image",
    batch=lambda options: options.batch_identities * options.batch_images,
    refuses=alone,
    subject="identity",
    subjects=lambda options: options.batch_identities,
    most=lambda options: options.batch_images,
)

TRAINING = Training(
    sample=sample,
    transform=transform,
    loss=objectives.loss,
    loss_unit="batch",
    optimiser=optimiser,
    rate=rate,
    capabilities=("features", "logits"),
    precision=lambda options: options.precision,
    keeps_optimiser=lambda options: options.keep_momentum and options.momentum > 0.0,
    plain=lambda options: options.momentum == 0.0,
    still=undrawn,
    private=PRIVATE,
)
