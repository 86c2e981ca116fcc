from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from isofed.client.epoch import _drift
from isofed.strategies.local.proximal import proximal
from isofed.strategies.recipe import LocalTerm


def shop(model: nn.Module, *terms: LocalTerm) -> Any:
    parameters = dict(model.named_parameters())
    return SimpleNamespace(
        parameters=parameters, setting=SimpleNamespace(recipe=SimpleNamespace(local=terms))
    )


def test_a_push_is_added_to_the_gradient_and_reaches_what_the_batch_did_not() -> None:
    model = nn.ModuleDict({"used": nn.Linear(2, 1, bias=False), "unused": nn.Linear(2, 1, bias=False)})
    start = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5
    model["used"](torch.ones(1, 2)).sum().backward()
    _drift(shop(model, proximal(2.0)), [start])
    assert torch.allclose(model["used"].weight.grad, torch.full((1, 2), 1.0 + 2.0 * 0.5))
    assert torch.allclose(model["unused"].weight.grad, torch.full((1, 2), 2.0 * 0.5))


def test_pushes_of_two_terms_add_up_and_none_is_none() -> None:
    model = nn.ModuleDict({"used": nn.Linear(2, 1, bias=False)})
    model["used"](torch.ones(1, 2)).sum().backward()
    push = LocalTerm("push()", start=lambda start: None, drift=lambda state, now: {"used.weight": state})
    _drift(shop(model, push, proximal(0.0), push), [torch.full((1, 2), 3.0), {}, torch.full((1, 2), 4.0)])
    assert torch.equal(model["used"].weight.grad, torch.full((1, 2), 8.0))
