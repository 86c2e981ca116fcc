"""DPPT's memory rectification bank as a local term."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from isofed.config import within
from isofed.errors import ConfigError
from isofed.records import Channel, Table
from isofed.strategies.local.rectify_math import (
    cosine_rectification,
    euclidean_rectification,
    mixed_rectification,
    rectified_centres,
)
from isofed.strategies.recipe import LocalTerm, Seen, TermStart

CHANNEL = "centres"
LOSSES = {
    "cosine": cosine_rectification,
    "mixed": mixed_rectification,
    "euclidean": euclidean_rectification,
}


@dataclass
class Bank:
    """One round's features of one client, emptied when the round begins."""

    start: TermStart
    targets: torch.Tensor | None
    features: list[torch.Tensor] = field(default_factory=list)
    labels: list[torch.Tensor] = field(default_factory=list)
    images: list[np.ndarray] = field(default_factory=list)


def rectify(lam: float, k: int, loss: str = "cosine", normalise: bool = True) -> LocalTerm:
    """Pull every feature towards its identity's global centre of the round before: + λ·L_mrb.

    L_mrb = mean over the batch of 1 - cos(z_i, c_{y_i}) (``cosine``, the paper), or half the mean squared
    error plus half of that (``mixed``, the released code). Each client collects its features during
    the epoch and hands back one rectified centre an identity: the mean of the K features nearest to
    their mean. A centre of which one image makes more than 1/min_images stays at the client. Off while
    there are no global centres, that is in the first round. An image whose class nobody knows is pulled
    nowhere, and is in no centre.

    Args:
        lam: λ, at least 0; 0 leaves the model as FedAvg would have it.
        k: K, at least 1.
        loss: ``cosine``, ``mixed``, or ``euclidean``, the mean squared error alone (in an ablation).
        normalise: store features at unit length (the paper) or as they are (the released code).

    Source: L2RW, CVPR 2025, eq. 3 to 5.
    """
    within("lam", lam, 0.0, 1e6)
    within("k", k, 1, 1_000_000)
    if loss not in LOSSES:
        raise ConfigError(f"'loss' is '{loss}', but must be one of: {', '.join(LOSSES)}")

    def add(bank: Bank, seen: Seen) -> torch.Tensor | None:
        collect(bank, seen, normalise)
        if bank.targets is None or lam == 0.0:
            return None
        return lam * LOSSES[loss](seen.output.features, _targets(bank.targets, seen))

    return LocalTerm(
        f"rectify(lam={lam}, k={k}, loss='{loss}', normalise={normalise})",
        start=begin,
        loss=add,
        finish=lambda bank, done: finish(bank, k),
        sends=(CHANNEL,),
        needs=("features", "classes"),
    )


def begin(start: TermStart) -> Bank:
    """Return an empty bank with the global centres as targets, if there are any."""
    centres = start.channels.get(CHANNEL)
    if not isinstance(centres, Table) or not np.asarray(centres.counts).any():
        return Bank(start, None)
    device = next(start.model.parameters()).device if start.model is not None else "cpu"
    return Bank(start, torch.from_numpy(np.array(centres.values)).to(device))


def _targets(centres: torch.Tensor, seen: Seen) -> torch.Tensor:
    """Return the centre of each image's class, (B, D); of an unknown class the feature itself: no pull."""
    known = (seen.labels >= 0)[:, None]
    return torch.where(known, centres[seen.labels.clamp(min=0)], seen.output.features.detach())


def collect(bank: Bank, seen: Seen, normalise: bool) -> None:
    """Add a batch's features to the bank, at unit length or as they are."""
    features = seen.output.features.detach().float()
    bank.features.append(F.normalize(features, dim=1) if normalise else features)
    bank.labels.append(seen.labels)
    bank.images.append(seen.images)


def finish(bank: Bank, k: int) -> Mapping[str, Channel]:
    """Return the centres of the K features nearest to each identity's mean that may leave."""
    labels = torch.cat(bank.labels)
    images = torch.from_numpy(np.concatenate(bank.images)).to(labels.device)
    known = labels >= 0
    centres, counts = rectified_centres(
        torch.cat(bank.features)[known], labels[known], images[known], bank.start.classes, k
    )
    # a centre of which one image makes a large part is nearly that image's template: it stays at home
    enough = counts >= bank.start.min_images
    kept: Any = torch.where(enough[:, None], centres, torch.zeros_like(centres))
    left = torch.where(enough, counts, torch.zeros_like(counts))
    table = Table(kept.float().cpu().numpy(), left.cpu().numpy())
    return {CHANNEL: table}
