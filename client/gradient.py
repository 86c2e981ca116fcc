"""A round's batches at one fixed model: their mean loss, and its gradient, for strategies that ask."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import torch

from isofed.client.chance import seeded
from isofed.client.workshop import Workshop
from isofed.strategies.share import TRAVELLING


def mean_gradient(shop: Workshop, batches: Iterable[Any]) -> dict[str, torch.Tensor]:
    """Return the task's loss's gradient by parameter, averaged over ``batches``.

    Running statistics, gradients and torch's random state are as before afterwards.
    """
    shop.model.zero_grad(set_to_none=True)
    count = _visit(shop, batches, lambda loss: loss.backward())
    found = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad / count
        for name, parameter in shop.model.named_parameters()
        if name in shop.trees[TRAVELLING[0]].layout.by_name
    }
    shop.model.zero_grad(set_to_none=True)
    return found


def mean_loss(shop: Workshop, batches: Iterable[Any]) -> float:
    """Return the task's loss averaged over ``batches``; nothing is changed."""
    losses: list[torch.Tensor] = []
    _visit(shop, batches, losses.append, torch.no_grad())
    return float(torch.stack(losses).double().mean())


def _visit(shop: Workshop, batches: Iterable[Any], each: Callable[[Any], Any], within: Any = None) -> int:
    """Give the loss of every batch to ``each``; return how many there were."""
    setting, count = shop.setting, 0
    kept = {group: tree.numpy() for group, tree in shop.trees.items() if group.endswith("buffers")}
    shop.train()
    with seeded(shop.device), within or nullcontext():
        for batch in batches:
            each(setting.task.training.loss(shop.model(batch.inputs), batch.labels, setting.options))
            count += 1
    for group, tree in kept.items():
        shop.trees[group].copy_from(tree)
    return count
