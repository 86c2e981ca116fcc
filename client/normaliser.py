"""How far a round's steps reach: FedNova's a, found by running the optimiser instead of knowing it."""

from typing import Any

import torch

from isofed.errors import CompositionError


def normaliser(optimiser: torch.optim.Optimizer, factors: tuple[float, ...]) -> float:
    """Return ‖a‖₁: how far one scalar goes in these steps under a gradient and a peak rate of one.

    The site's own optimiser is copied onto a scalar, with its momentum and without its weight decay, which
    would pull at the scalar's value, and starts afresh. Plain SGD at a constant rate gives the steps;
    with momentum β restarted every round it gives [τ - β (1 - β^τ) / (1 - β)] / (1 - β).

    Args:
        optimiser: of torch's SGD, all parameter groups with the same momentum.
        factors: the factor on the peak rates in every step.

    Raises:
        CompositionError: another optimiser, whose reach depends on the gradients themselves, or groups
            that differ in more than their rate.

    Source: Wang et al., FedNova, 2020, section 4.
    """
    if not isinstance(optimiser, torch.optim.SGD):
        raise CompositionError(
            f"fednova needs SGD at the sites, found {type(optimiser).__name__}; use strategy=fedavg"
        )
    settings = [
        {key: group[key] for key in ("momentum", "dampening", "nesterov")} for group in optimiser.param_groups
    ]
    if any(one != settings[0] for one in settings):
        raise CompositionError("fednova needs one momentum for all parameters; use strategy=fedavg")
    return _reach(settings[0], factors)


def _reach(settings: dict[str, Any], factors: tuple[float, ...]) -> float:
    scalar = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    copy = torch.optim.SGD([scalar], lr=1.0, **settings)
    scalar.grad = torch.ones_like(scalar)
    for factor in factors:
        copy.param_groups[0]["lr"] = factor
        copy.step()
        scalar.grad.fill_(1.0)
    return -float(scalar.detach())
