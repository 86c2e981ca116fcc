"""A second model beside the one that is trained, for strategies under which a site has both."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from isofed.strategies.local.trees import state_of, take
from isofed.strategies.recipe import Seen, TermStart
from isofed.trees import Tree

Arrays = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Twin:
    """A module of its own storage and running statistics, in train mode, and the task's loss."""

    model: Any
    loss: Callable[[Any, Any], Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """The module's parameters by name."""
        return dict(self.model.named_parameters())

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """Parameters and running statistics by state-dict name, not copied."""
        return state_of(self.model)


def twin(given: TermStart) -> Twin:
    """Return the model as the site remembers it, and in its first round a copy of the received one."""
    assert given.loss is not None
    model = copy.deepcopy(given.model).train()
    if isinstance(given.memory, Tree):
        take(model, given.memory)
    return Twin(model, given.loss)


def gradient(second: Twin, seen: Seen, names: Mapping[str, float]) -> dict[str, torch.Tensor]:
    """Return the gradient of the task's loss of a batch at the second model, for the parameters ``names``.

    The random numbers that its layers draw are given back: the first model draws the same ones as without
    it. Computed in single precision.
    """
    parameters = {name: p for name, p in second.parameters.items() if name in names}
    device = next(iter(parameters.values())).device
    with (
        torch.random.fork_rng(devices=[] if device.type == "cpu" else [device]),
        torch.autocast(device.type, enabled=False),
    ):
        loss = second.loss(second.model(seen.inputs), seen.labels)
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(parameter) if grad is None else grad
        for (name, parameter), grad in zip(parameters.items(), found, strict=True)
    }


def descend(values: Arrays, slopes: Arrays, rates: Mapping[str, float]) -> None:
    """Take a step of plain SGD in place: value ← value - rate · slope."""
    for name, slope in slopes.items():
        values[name].detach().sub_(slope, alpha=rates[name])
