"""How the micro-gesture task trains: shuffled clips, the hybrid loss, the released schedule."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from isofed.tasks.descent import descent, plain, remembers
from isofed.tasks.micro_gesture import augment, schedule
from isofed.tasks.micro_gesture.losses import WEIGHTINGS, hybrid, rebuilding
from isofed.tasks.micro_gesture.model import Output
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.passes import passes
from isofed.tasks.private import PrivateTraining, batch_norm
from isofed.tasks.task import Batch, Samples, Training


def sample(samples: Samples, options: MicroGestureOptions, rng: np.random.Generator) -> np.ndarray:
    """Return the clips of every step of a round, labelled or not; see tasks/passes.py.

    Source: shuffled batches, as in the released code. Differs from it in: no clip is dropped, for a site may
    have few.
    """
    return passes(len(samples), options.batch, options.local_epochs, rng)


def transform(
    samples: Samples, clips: Any, options: MicroGestureOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return a batch on ``device``; labels are -1 where the emotion is not known."""
    inputs = augment.training(samples.inputs[clips], options, rng, device)
    return Batch(inputs, torch.from_numpy(samples.labels[clips]).to(device))


def still(samples: Samples, clips: Any, options: MicroGestureOptions, device: str) -> Batch:
    """Return a batch on ``device`` as evaluation sees it, neither augmented nor labelled."""
    return Batch(torch.from_numpy(np.array(samples.inputs[clips], np.float32)).to(device), None)


def loss(output: Output, labels: Tensor, options: MicroGestureOptions) -> Tensor:
    """Return the mean over examples of a [labelled] CE + b rec; see tasks/micro_gesture/losses.py."""
    emotion, rebuilt = WEIGHTINGS[options.weighting](options.balance)
    weights = (emotion * options.emotion_weight, rebuilt * options.rebuilt_weight)
    each = None
    if output.rebuilt is not None:
        each = rebuilding(output.rebuilt, output.reference, options.over, options.distance)
    return hybrid(output.logits, labels, each, weights)


def rate(done: float, rounds: int, options: MicroGestureOptions) -> float:
    """Return the factor on the peak rate after ``done`` rounds; see tasks/micro_gesture/schedule.py."""
    return schedule.factor(done, rounds, options.warmup, options.schedule)


PRIVATE = PrivateTraining(
    example="clip",
    batch=lambda options: options.batch,
    refuses=lambda options: batch_norm(options.norm),
)

TRAINING = Training(
    sample=sample,
    transform=transform,
    loss=loss,
    loss_unit="example",
    optimiser=descent,
    rate=rate,
    capabilities=("features", "logits"),
    precision=lambda options: options.precision,
    keeps_optimiser=remembers,
    plain=plain,
    still=still,
    private=PRIVATE,
)
