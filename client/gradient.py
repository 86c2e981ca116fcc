"""The mean gradient of a round's batches at one fixed model, for strategies that ask for it."""

from collections.abc import Iterable
from typing import Any

import torch

from isofed.client.workshop import Workshop
from isofed.strategies.share import TRAVELLING


def mean_gradient(shop: Workshop, batches: Iterable[Any]) -> dict[str, torch.Tensor]:
    """Return the task's loss's gradient by parameter, averaged over ``batches``.

    Running statistics, gradients and torch's random state are as before afterwards.
    """
    setting = shop.setting
    kept = {group: tree.numpy() for group, tree in shop.trees.items() if group.endswith("buffers")}
    shop.model.train()
    shop.model.zero_grad(set_to_none=True)
    count = 0
    with torch.random.fork_rng(devices=[] if shop.device == "cpu" else [shop.device]):
        for batch in batches:
            loss = setting.task.training.loss(shop.model(batch.inputs), batch.labels, setting.options)
            loss.backward()
            count += 1
    found = {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad / count
        for name, parameter in shop.model.named_parameters()
        if name in shop.trees[TRAVELLING[0]].layout.by_name
    }
    shop.model.zero_grad(set_to_none=True)
    for group, tree in kept.items():
        shop.trees[group].copy_from(tree)
    return found
