"""FedProx's proximal term."""

from collections.abc import Mapping
from typing import Any

import torch

from isofed.config import within
from isofed.strategies.local.trees import apart, travelling
from isofed.strategies.recipe import LocalTerm

Gradients = Mapping[str, torch.Tensor]


def proximal(mu: float) -> LocalTerm:
    """Hold the local model near the global one: + (μ/2) ‖w - w_global‖², whose gradient is μ (w - w_global).

    Over the parameters that the global model has; what stays at a site has nothing to be near to. Running
    statistics are no parameters.

    Args:
        mu: μ, at least 0; 0 changes nothing.

    Source: Li et al., Federated Optimization in Heterogeneous Networks, 2020, eq. 2.
    """
    within("mu", mu, 0.0, 1e6)
    return LocalTerm(
        f"proximal(mu={mu})",
        start=lambda given: travelling(given)[1],
        drift=lambda start, now: _pull(mu, start, now) if mu else {},
    )


def _pull(mu: float, start: Gradients, now: Mapping[str, Any]) -> Gradients:
    pull = apart(now, start)
    torch._foreach_mul_(list(pull.values()), mu)
    return pull
