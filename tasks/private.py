"""What differential privacy at a site must know of a task: its units, its batches, what speaks against it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import gcd
from typing import Any

import torch
from torch import nn

GROUPS, FEWEST = 32, 4  # most groups of a normalisation, and the fewest channels of one


@dataclass(frozen=True)
class PrivateTraining:
    """How a task trains under differential privacy.

    Args:
        example: the task's word for one sample: ``image``, ``clip``.
        batch: options to the examples that a step is to have, on average.
        refuses: options to a sentence that says why no gradient is one example's alone, with what to write
            instead, or None.
        subject: the task's word for whom several samples show, such as ``identity``; empty where samples do
            not say it.
        of: samples to (N,) int64, whom each shows.
        subjects: options to the subjects that a step is to have, on average.
        most: options to the most samples of one subject in a step.
        epochs: options to how often a round goes through a site's units, on average.
    """

    example: str
    batch: Callable[[Any], int] = field(repr=False)
    refuses: Callable[[Any], str | None] = field(default=lambda options: None, repr=False)
    subject: str = ""
    of: Callable[[Any], Any] = field(default=lambda samples: samples.labels, repr=False)
    subjects: Callable[[Any], int] = field(default=lambda options: 1, repr=False)
    most: Callable[[Any], int] = field(default=lambda options: 1, repr=False)
    epochs: Callable[[Any], int] = field(default=lambda options: int(options.local_epochs), repr=False)


@torch.no_grad()
def grouped(model: nn.Module) -> None:
    """Put GroupNorm in the place of every BatchNorm, under its name, with its scale and shift.

    y = γ (x - m) / √(v + ε) + β with mean m and variance v of one example's groups of channels, so that no
    example's output depends on another. Maps have at most 32 groups of at least 4 channels, vectors one.

    Args:
        model: changed in place.

    Source: Wu and He, Group Normalization, 2018, eq. 1.
    """
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.modules.batchnorm._BatchNorm):
                flat = isinstance(child, nn.BatchNorm1d)
                setattr(parent, name, _group_norm(child, 1 if flat else _groups(child.num_features)))


def _groups(channels: int) -> int:
    groups = gcd(GROUPS, channels)
    while groups > 1 and channels // groups < FEWEST:
        groups //= 2
    return groups


def _group_norm(batch: Any, groups: int) -> nn.Module:
    norm = nn.GroupNorm(groups, batch.num_features, batch.eps, batch.affine)
    if batch.affine:
        norm.weight.copy_(batch.weight)
        norm.bias.copy_(batch.bias)
    return norm


def batch_norm(norm: str) -> str | None:
    """Return why an option ``task.norm`` leaves no gradient one example's own, or None."""
    if norm == "group":
        return None
    return (
        "BatchNorm makes every example's gradient depend on the others of its batch; write task.norm=group, "
        "which puts GroupNorm in its place"
    )
