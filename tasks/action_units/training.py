"""How the action unit task trains: shuffled clips, cross-entropy of both branches, one rate."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from isofed.tasks.action_units.labels import Integers, unpacked
from isofed.tasks.action_units.model import COLOURS, Output
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.descent import descent, plain, remembers
from isofed.tasks.passes import passes
from isofed.tasks.private import PrivateTraining, batch_norm
from isofed.tasks.task import Batch, Samples, Training

CLIPS = 4  # of a person in a step, where people and not clips are hidden by noise
Singles = NDArray[np.float32]


def sample(samples: Samples, options: ActionUnitOptions, rng: np.random.Generator) -> np.ndarray:
    """Return the clips of every step of a round, (steps, B) int64; see tasks/passes.py."""
    return passes(len(samples), options.batch, options.local_epochs, rng)


def transform(
    samples: Samples, clips: Any, options: ActionUnitOptions, rng: np.random.Generator, device: str
) -> Batch:
    """Return a batch on ``device``: inputs (B, 7, H, W), see model.py, and targets, see :func:`targets`.

    With ``least`` each clip's amplification is drawn evenly from ``least`` to ``amplification``: the latents
    of another one are c = (drawn - 1) / (amplification - 1) times those kept, because the magnifier has no
    bias and ReLU and maxima keep c > 0.
    """
    inputs = _inputs(samples, clips)
    if options.least:
        drawn = rng.uniform(options.least, options.amplification, (len(clips), 1, 1, 1))
        inputs[:, COLOURS:] *= ((drawn - 1) / (options.amplification - 1)).astype(np.float32)
    marks = targets(samples.labels[clips], weights(samples.labels, options))
    return Batch(torch.from_numpy(inputs).to(device), torch.from_numpy(marks).to(device))


def still(samples: Samples, clips: Any, options: ActionUnitOptions, device: str) -> Batch:
    """Return a batch on ``device`` as evaluation sees it, neither drawn nor labelled."""
    return Batch(torch.from_numpy(_inputs(samples, clips)).to(device), None)


def _inputs(samples: Samples, clips: Any) -> Singles:
    return fed(samples.inputs[clips])


def fed(pair: tuple[Any, Any]) -> Singles:
    """Return flow (B, 3, H, W) and latents (B, 64, H/4, W/4), of any floats, as the network is fed them."""
    flow, moved = pair
    batch, _, height, width = flow.shape
    inputs = np.empty((batch, COLOURS + moved[0].size // (height * width), height, width), np.float32)
    inputs[:, :COLOURS] = flow
    inputs[:, COLOURS:] = moved.reshape(batch, -1, height, width)
    return inputs


def weights(labels: Integers, options: ActionUnitOptions) -> Singles:
    """Return what a positive of each unit weighs at a site, (12,), finite whatever the site has.

    ``none`` 1, as in CD6ME; ``local`` N- / N+ of the site's own clips, at most m and at least 1 / m, so that
    a positive stays one, and 1 where there is none, as CASME has none of unit 5. Neither counts nor weights
    leave the site.

    Args:
        labels: (N,) int64 of all clips that the site trains on, see labels.py.
        options: ``balance`` and ``most_weight``, m, are read.
    """
    marks = unpacked(labels)
    if options.balance == "none":
        return np.ones(marks.shape[1], np.float32)
    there = marks.sum(0)
    share = (len(marks) - there) / np.maximum(there, 1)
    found = np.where(there > 0, np.clip(share, 1 / options.most_weight, options.most_weight), 1.0)
    return found.astype(np.float32)


def targets(labels: Integers, weight: Singles) -> Singles:
    """Return (B, 12) float32: 0 where a unit is not there, else what a positive of it weighs, above 0."""
    found: Singles = unpacked(labels) * weight
    return found


def loss(output: Output, labels: Tensor, options: ActionUnitOptions) -> Tensor:
    """Return BCE(magnified, y) + lambda BCE(flow, y), a mean over examples and units.

    BCE(z, y) = mean of -w y ln s(z) - (1 - y) ln(1 - s(z)), s the logistic function and w of
    :func:`weights`.

    Args:
        output: of B clips.
        labels: (B, 12), see :func:`targets`.
        options: lambda is ``flow_weight``.

    Source: the loss of the paper is not known; unweighted cross-entropy is CD6ME's, Varanka et al., 2023.
    """
    found = crossed(output.magnified, labels)
    return found + options.flow_weight * crossed(output.flow, labels)


def crossed(logits: Tensor, marks: Tensor) -> Tensor:
    """Return the weighted binary cross-entropy of :func:`loss`; ``marks`` are targets."""
    logits = logits.float()
    return torch.where(marks > 0, marks * F.softplus(-logits), F.softplus(logits)).mean()


def rate(done: float, rounds: int, options: ActionUnitOptions) -> float:
    """Return decay^floor(t), the factor on the first rate after t rounds."""
    return options.decay ** math.floor(done)


def _apart(options: ActionUnitOptions) -> str | None:
    """Return why no gradient is one clip's alone, or None."""
    if options.scope == "batch":
        return "task.scope=batch makes a clip's gradient depend on those beside it; write task.scope=sample"
    if options.balance == "local":
        return (
            "task.balance=local weighs every clip by how many of the site's show a unit, which no noise "
            "hides; write task.balance=none"
        )
    return batch_norm(options.norm)


PRIVATE = PrivateTraining(
    example="clip",
    batch=lambda options: options.batch,
    refuses=_apart,
    subject="person",
    of=lambda samples: samples.inputs.scenes,
    subjects=lambda options: max(1, options.batch // CLIPS),
    most=lambda options: CLIPS,
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
    several=True,
)
