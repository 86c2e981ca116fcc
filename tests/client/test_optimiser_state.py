from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isofed.client.optimiser import export_state, restore_state
from isofed.files import load_state, save_state
from isofed.strategies.share import flatten
from isofed.trees import Tree

OPTIMISERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": lambda p: torch.optim.SGD(p, 0.1),
    "momentum": lambda p: torch.optim.SGD(
        p, 0.1, momentum=0.9, nesterov=True, weight_decay=1e-3, foreach=True
    ),
    "adam": lambda p: torch.optim.Adam(p, 0.05),
    "amsgrad": lambda p: torch.optim.AdamW(p, 0.05, amsgrad=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.05),
}


def net() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 2))
    flatten(model)
    return model


def step(model: nn.Module, optimiser: torch.optim.Optimizer, seed: int) -> None:
    x = torch.randn(5, 1, 4, 4, generator=torch.Generator().manual_seed(seed))
    optimiser.zero_grad(set_to_none=True)
    model(x).square().mean().backward()
    optimiser.step()


def names(model: nn.Module) -> dict[int, str]:
    return {id(p): name for name, p in model.named_parameters()}


@pytest.mark.parametrize("make", OPTIMISERS.values(), ids=OPTIMISERS)
def test_a_restored_optimiser_goes_on_bit_for_bit(
    make: Callable[[Any], torch.optim.Optimizer], tmp_path: Path
) -> None:
    model = net()
    optimiser = make(model.parameters())
    for seed in range(3):
        step(model, optimiser, seed)
    save_state(tmp_path / "s", {}, {"optimiser": export_state(optimiser, names(model))})
    tree = load_state(tmp_path / "s", "the state")[1]["optimiser"]
    assert isinstance(tree, Tree)

    other = net()
    other.load_state_dict(model.state_dict())
    fresh = make(other.parameters())
    restore_state(fresh, dict(other.named_parameters()), tree)
    for seed in range(3, 6):
        step(model, optimiser, seed)
        step(other, fresh, seed)
    for (name, a), (_, b) in zip(model.named_parameters(), other.named_parameters(), strict=True):
        assert torch.equal(a, b), name
    again = export_state(fresh, names(other))
    wanted = export_state(optimiser, names(model))
    assert again.layout == wanted.layout
    assert all(np.array_equal(again[leaf], wanted[leaf]) for leaf in wanted)


def test_leaves_name_key_and_parameter() -> None:
    model = net()
    optimiser = OPTIMISERS["adam"](model.parameters())
    assert len(export_state(optimiser, names(model))) == 0
    step(model, optimiser, 0)
    tree = export_state(optimiser, names(model))
    assert tree["step/0.weight"].shape == () and tree["exp_avg/0.weight"].shape == (2, 1, 3, 3)
    assert len(tree) == 3 * len(names(model))


def test_an_exported_state_does_not_change_with_the_optimiser() -> None:
    model = net()
    optimiser = OPTIMISERS["momentum"](model.parameters())
    step(model, optimiser, 0)
    tree = export_state(optimiser, names(model))
    before = tree["momentum_buffer/3.weight"].copy()
    step(model, optimiser, 1)
    assert np.array_equal(tree["momentum_buffer/3.weight"], before)


@pytest.mark.parametrize("tree", [None, "empty"])
def test_no_state_empties_the_optimiser(tree: Any) -> None:
    model = net()
    optimiser = OPTIMISERS["momentum"](model.parameters())
    nothing = export_state(optimiser, names(model)) if tree == "empty" else None
    step(model, optimiser, 0)
    assert optimiser.state
    restore_state(optimiser, dict(model.named_parameters()), nothing)
    assert not optimiser.state
