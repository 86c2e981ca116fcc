"""MOON's model-contrastive term."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from isofed.config import within
from isofed.strategies.local.trees import as_tree, state_of, take
from isofed.strategies.recipe import LocalTerm, Seen, TermStart
from isofed.trees import Tree


@dataclass(frozen=True)
class References:
    """Two frozen models in evaluation mode: the global one, and this site's own of the round before."""

    model: Any
    head: tuple[str, ...]
    around: Any = None
    before: Any = None


def contrastive(mu: float, tau: float) -> LocalTerm:
    """Pull features towards the global model's and push them from the site's previous ones: + μ·L_con.

    L_con = mean of -log( e^{cos(z, z_glob)/τ} / (e^{cos(z, z_glob)/τ} + e^{cos(z, z_prev)/τ}) ), with z of
    the model in training, z_glob of the global model and z_prev of the model with which this site ended
    its last round. Off in a site's first round. Three forward passes, three models in memory.

    Args:
        mu: μ, at least 0; 0 changes nothing.
        tau: τ, temperature, above 0.

    Source: Li et al., Model-Contrastive Federated Learning, CVPR 2021, eq. 3; L2RW+ takes the features
    after the neck and both references in evaluation mode.
    """
    within("mu", mu, 0.0, 1e6)
    within("tau", tau, 1e-6, 1e6)

    def add(references: References, seen: Seen) -> torch.Tensor | None:
        if references.around is None:
            return None
        # in single precision: with a young model's running statistics, halves overflow in evaluation mode
        with torch.no_grad(), torch.autocast(seen.output.features.device.type, enabled=False):
            around = references.around(seen.inputs).features
            before = references.before(seen.inputs).features
        return mu * model_contrast(seen.output.features, around, before, tau)

    return LocalTerm(
        f"contrastive(mu={mu}, tau={tau})",
        start=_start if mu else lambda start: References(start.model, start.head),
        loss=add,
        remember=_remember if mu else None,
        name="contrastive",
        needs=("features",),
    )


def model_contrast(
    features: torch.Tensor, around: torch.Tensor, before: torch.Tensor, tau: float
) -> torch.Tensor:
    """Return MOON's loss of (B, D) features against the global model's and the previous one's, a scalar."""
    near = F.cosine_similarity(features, around, dim=1) / tau
    far = F.cosine_similarity(features, before, dim=1) / tau
    return F.softplus(far - near).mean()


def _start(start: TermStart) -> References:
    if not isinstance(start.memory, Tree):
        return References(start.model, start.head)
    before = _frozen(start.model)
    take(before, start.memory)
    return References(start.model, start.head, _frozen(start.model), before)


def _frozen(model: Any) -> Any:
    return copy.deepcopy(model).eval().requires_grad_(False)


def _remember(references: References) -> Tree:
    # the head is left out: features do not depend on it
    state = state_of(references.model)
    return as_tree({name: value for name, value in state.items() if not name.startswith(references.head)})
