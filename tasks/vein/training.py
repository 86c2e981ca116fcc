"""How the vein task trains: batches, loss, rates."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from isofed.tasks.descent import descent, plain, remembers
from isofed.tasks.passes import passes
from isofed.tasks.private import PrivateTraining, batch_norm
from isofed.tasks.task import Batch, Samples, Training
from isofed.tasks.vein import augment, sampling, schedule
from isofed.tasks.vein.losses import angular, batch_hard
from isofed.tasks.vein.model import BACKBONE, BACKBONES, Output
from isofed.tasks.vein.options import VeinOptions

MATES = 4  # most pictures of a finger in a step, where a finger is what is hidden


def sample(samples: Samples, options: VeinOptions, rng: np.random.Generator) -> np.ndarray:
    """Return the rows of every step of a round, (steps, B) int64; see passes.py and sampling.py.

    Source: plain minibatches, as in the recipe released with the data set, or a few pictures of each of a few
    fingers, as losses over triplets want them.
    """
    if options.per_finger:
        batch, each = options.batch, options.per_finger
        return sampling.by_finger(samples.labels, batch, each, options.local_epochs, rng)
    return passes(len(samples), options.batch, options.local_epochs, rng)


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
    """Return L_margin + w L_triplet, the combined angular margin and w times the batch's hardest triplets.

    A mean over examples, and over anchors that have a mate and a stranger; see tasks/vein/losses.py.

    Source: Ou et al., "Fusion loss and inter-class data augmentation for deep finger vein feature learning",
    2021, with w = 4. Differs from it in: w is 0 unless asked for.
    """
    found = angular(output.cosines, labels, options.margin)
    if not options.triplet:
        return found
    return found + options.triplet * batch_hard(output.features.float(), labels, options.triplet_margin)


def rate(done: float, rounds: int, options: VeinOptions) -> float:
    """Return the factor on the peak rate after ``done`` rounds; see tasks/vein/schedule.py."""
    return schedule.factor(done, rounds, options.warmup, options.schedule)


def held(number: int, options: VeinOptions) -> tuple[str, ...]:
    """Return what round ``number``, from 1, does not train: the backbone's first stage in the first rounds.

    Its weights stand still; the running statistics of its BatchNorms do not.
    """
    first = BACKBONES[options.backbone].first if number <= options.frozen else ()
    return tuple(f"{BACKBONE}{name}" for name in first)


def alone(options: VeinOptions) -> str | None:
    """Return why a picture's gradient would not be its own, with what to write, or None."""
    if options.triplet:
        return "triplets compare the pictures of a batch with each other; write task.triplet=0"
    if options.per_finger:
        return (
            "task.per_finger builds batches of a structure, but every picture must come by a chance of its "
            "own; write task.per_finger=0"
        )
    if options.flips:
        return (
            "task.flips=true trains on every picture twice, as two samples, of which only one would be "
            "hidden; write task.flips=false"
        )
    return batch_norm(options.norm)


PRIVATE = PrivateTraining(
    example="image",
    batch=lambda options: options.batch,
    refuses=alone,
    subject="identity",
    subjects=lambda options: max(1, options.batch // MATES),
    most=lambda options: MATES,
)

TRAINING = Training(
    sample=sample,
    transform=transform,
    loss=loss,
    loss_unit="example",  # of the margin alone; in triplets examples meet
    optimiser=descent,
    rate=rate,
    held=held,
    capabilities=("features", "logits"),
    precision=lambda options: options.precision,
    keeps_optimiser=remembers,
    plain=plain,
    still=still,
    private=PRIVATE,
)
