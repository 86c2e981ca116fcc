"""Trees from messages and memories as tensors beside the parameters, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from isofed.strategies.recipe import TermStart
from isofed.trees import Tree, from_arrays


def travelling(given: TermStart) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return the parameters that the global model has, and copies of them as the round begins, by name."""
    parameters = dict(given.model.named_parameters())
    now = {name: parameters[name] for name in given.travelling}
    return now, {name: parameter.detach().clone() for name, parameter in now.items()}


def apart(now: Mapping[str, Any], began: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return how far parameters are from where they began, by the names of ``began``, as new tensors."""
    there = [now[name].detach() for name in began]
    return dict(zip(began, torch._foreach_sub(there, list(began.values())), strict=True))


def tensors(tree: Tree | None, like: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return a tree's leaves on the devices of the parameters ``like``; zeros where there is no tree."""
    if tree is None:
        return {name: torch.zeros_like(parameter) for name, parameter in like.items()}
    return {name: torch.from_numpy(np.array(tree[name])).to(parameter) for name, parameter in like.items()}


def as_tree(arrays: Mapping[str, torch.Tensor]) -> Tree:
    """Return named tensors as a NumPy tree of their order."""
    return from_arrays({name: array.detach().cpu().numpy() for name, array in arrays.items()})


def moved(before: Any, change: Tree, factor: float = 1.0) -> Tree:
    """Return before + factor · change in the layout's dtypes; what is no tree counts as zero."""
    if not isinstance(before, Tree):
        return change.map(lambda c: factor * c).narrow()
    return before.map(lambda b, c: b + factor * c, change).narrow()


def state_of(model: Any) -> dict[str, torch.Tensor]:
    """Return a module's parameters and running statistics by state-dict name, not copied."""
    return {name: value.detach() for name, value in model.state_dict().items()}


def take(model: Any, tree: Tree) -> None:
    """Overwrite a module's parameters and running statistics by a tree's leaves of their names."""
    state = state_of(model)
    for name in state.keys() & tree.layout.by_name.keys():
        state[name].copy_(torch.from_numpy(np.array(tree[name])))
