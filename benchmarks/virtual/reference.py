"""The reference twin of bare.py, which must not be touched: a federated round, as plain as can be.

bare.py is what engines are measured against. So that nobody gains by slowing it down, honest.py times it
beside this one, which shares nothing with it but the model and the batches that both are given.
"""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

Batches = Iterable[tuple[np.ndarray, np.ndarray]]


def reference_round(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    users: Iterable[str],
    batches: Callable[[str], Batches],
    examples: int,
) -> None:
    """Train every user from the model's weights, then give it the mean over users, in float64."""
    parameters = list(model.parameters())
    start = [parameter.detach().clone() for parameter in parameters]
    total = [torch.zeros_like(parameter, dtype=torch.float64) for parameter in parameters]
    count = 0
    for user in users:
        with torch.no_grad():
            for parameter, value in zip(parameters, start, strict=True):
                parameter.copy_(value)
        for inputs, labels in batches(user):
            optimiser.zero_grad()
            loss = F.cross_entropy(model(torch.from_numpy(inputs)), torch.from_numpy(labels))
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            for into, parameter in zip(total, parameters, strict=True):
                into.add_(parameter, alpha=examples)
        count += examples
    with torch.no_grad():
        for parameter, value in zip(parameters, total, strict=True):
            parameter.copy_(value / count)
