"""APFL's mixture of a local and the global model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from isofed.config import within
from isofed.strategies.local.trees import as_tree
from isofed.strategies.local.twin import Twin, descend, gradient, twin
from isofed.strategies.recipe import LocalTerm, Seen, TermStart
from isofed.trees import Tree, from_arrays

ALPHA, LOCAL = "alpha", "local/"  # leaves beside those of the mixture; no state-dict name has a slash


@dataclass
class Mixture:
    """One round at one site.

    Args:
        mixed: the model v̄ = α v + (1 - α) w, with running statistics of its own.
        local: v by parameter, of those that are ever trained.
        around: w by parameter, as it was before the step that was taken last.
        now: the parameters that are trained, w after it.
        alpha: α.
        turned: whether α has been fitted in this round.
    """

    mixed: Twin
    local: dict[str, torch.Tensor]
    around: dict[str, torch.Tensor]
    now: Mapping[str, Any] = field(repr=False)
    alpha: float
    turned: bool = False


def mixture(alpha: float, adaptive: bool = False) -> LocalTerm:
    """Train a local model inside a mixture with the global one: v ← v - η ∇_v f(α v + (1 - α) w).

    In lockstep with w on the same batches: both gradients are taken at v and w before their steps, and
    ∇_v f(v̄) = α ∇f(v̄). The site is to use v̄ of the round's last v and w, and remembers v and α beside it. v
    steps at the rates given by plain SGD whatever the task's optimiser (no momentum, no weight decay), and in
    single precision; v̄ has running statistics of its own. v begins as the first model that the site receives.
    w ends as it would without all this. Twice the steps, three models in memory.

    Args:
        alpha: α in [0, 1]; 0 leaves w alone, 1 trains v alone.
        adaptive: fit α to the site, on the first batch of each round:
            α ← α - η ⟨v - w, ∇f(v̄)⟩, clipped to [0, 1], each parameter's part at its own rate.

    Source: Deng et al., Adaptive Personalized Federated Learning, 2020, algorithm 1 and section 4.2. The
    released code differs: it takes v's gradient after w's step, and adds 0.02 α to α's.
    """
    within("alpha", alpha, 0.0, 1.0)
    return LocalTerm(
        f"mixture(alpha={alpha}, adaptive={adaptive})",
        start=lambda given: _start(alpha, given),
        stepped=lambda state, seen, rates: _step(adaptive, state, seen, rates),
        remember=_remember,
        name="mixture",
        personal=True,
    )


def _start(alpha: float, given: TermStart) -> Mixture:
    memory, now = given.memory, {n: p for n, p in given.model.named_parameters() if p.requires_grad}
    around = {name: parameter.detach().clone() for name, parameter in now.items()}
    local = {name: value.clone() for name, value in around.items()}
    if isinstance(memory, Tree):
        alpha = float(memory[ALPHA])
        for name, value in local.items():
            value.copy_(torch.from_numpy(np.array(memory[LOCAL + name])))
    return Mixture(twin(given), local, around, now, alpha)


def _mix(state: Mixture) -> None:
    mixed = state.mixed.parameters
    for name, local in state.local.items():
        mixed[name].detach().copy_(state.alpha * local + (1 - state.alpha) * state.around[name])


def _step(adaptive: bool, state: Mixture, seen: Seen, rates: Mapping[str, float]) -> None:
    _mix(state)
    slopes, alpha = gradient(state.mixed, seen, rates), state.alpha
    if adaptive and not state.turned:
        state.alpha, state.turned = _fitted(state, slopes, rates), True
    descend(state.local, {name: alpha * slope for name, slope in slopes.items()}, rates)
    _follow(state)


def _fitted(state: Mixture, slopes: Mapping[str, torch.Tensor], rates: Mapping[str, float]) -> float:
    along = [
        rates[name] * float(((state.local[name] - state.around[name]) * slope).sum(dtype=torch.float64))
        for name, slope in slopes.items()
    ]
    return min(1.0, max(0.0, state.alpha - sum(along)))


def _follow(state: Mixture) -> None:
    for name, parameter in state.now.items():
        state.around[name].copy_(parameter.detach())


def _remember(state: Mixture) -> Tree:
    _mix(state)
    beside = {LOCAL + name: value for name, value in state.local.items()}
    mixed = as_tree({**state.mixed.state, **beside})
    return from_arrays({**dict(mixed.items()), ALPHA: np.array(state.alpha)})
