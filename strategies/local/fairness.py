"""What q-FedAvg's server must know of a site."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from isofed.strategies.local.trees import travelling
from isofed.strategies.recipe import LocalTerm, TermStart

START_LOSS, SQUARE = "start_loss", "square"


@dataclass(frozen=True)
class Fairness:
    """One round at one site: F_k(w^t), w^t by parameter, and the parameters that are trained."""

    loss: float
    began: Mapping[str, torch.Tensor]
    now: Mapping[str, Any] = field(repr=False)


def fairness() -> LocalTerm:
    """Tell F_k(w^t) and ‖w_k - w^t‖², and leave training as it is.

    F_k is the mean of the task's loss over the round's batches at the received model, in train mode; the
    square is over the parameters that travel, summed in float64. Both are made of private data and leave in
    the clear, beside the model.

    Source: Li et al., Fair Resource Allocation in Federated Learning, ICLR 2020, algorithm 2. There F_k is
    over all of a site's data. One more pass over the batches, without gradients.
    """
    return LocalTerm(
        "fairness()",
        start=_start,
        numbers=lambda state, done: {START_LOSS: state.loss, SQUARE: _square(state)},
        gives=(START_LOSS, SQUARE),
        beside="the loss over the round's batches",
    )


def _start(given: TermStart) -> Fairness:
    assert given.mean_loss is not None
    now, began = travelling(given)
    return Fairness(given.mean_loss(), began, now)


def _square(state: Fairness) -> float:
    parts = [
        (now.detach().double() - state.began[name].double()).square().sum() for name, now in state.now.items()
    ]
    return float(torch.stack(parts).sum()) if parts else 0.0
