"""A model that is made in files is the same model."""

import numpy as np
import pytest
import torch
from torch import nn

from isofed.room import LARGE as ROOM
from isofed.room import lent_by
from isofed.scratch import filed, lies_in_file
from isofed.simulations import grown
from isofed.simulations.grown import made_in_files
from isofed.strategies.share import flatten

WIDE, SMALL = 600, 8


def made() -> nn.Module:
    torch.manual_seed(3)
    layers = [nn.Linear(WIDE, WIDE), nn.Linear(WIDE, SMALL), nn.BatchNorm1d(SMALL)]
    nn.init.kaiming_normal_(layers[0].weight)  # type: ignore[arg-type]
    own = nn.Parameter(torch.randn(WIDE, WIDE), requires_grad=False)
    model = nn.Sequential(*layers)
    model.register_parameter("own", own)
    return model


def test_it_has_the_same_values_and_draws_the_same_numbers() -> None:
    expected, after = made().state_dict(), torch.rand(3)
    with made_in_files():
        model = made()
    assert torch.equal(torch.rand(3), after)
    found = model.state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert not model.own.requires_grad and model[0].weight.requires_grad
    model(torch.rand(4, WIDE)).sum().backward()
    assert model[0].weight.grad is not None and model.own.grad is None


def test_what_is_large_lies_in_files_and_what_is_made_later_does_not() -> None:
    with made_in_files():
        model = made()
    arrays = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    assert {name for name, array in arrays.items() if lies_in_file(array)} == {"0.weight", "own"}
    assert not any(lies_in_file(p.detach().numpy()) for p in made().parameters())


def test_what_was_used_takes_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[np.ndarray] = []
    with made_in_files(), lent_by(filed):
        model = made()
        monkeypatch.setattr(grown, "past", given.append)
        nn.init.normal_(tensor=model[0].weight)
        assert len(given) == 1 and given[0].nbytes == WIDE * WIDE * 4 < ROOM
        flatten(model)
    assert len(given) > 2


class Held(nn.Module):
    """Holds on to a parameter, fills it late, ties one to another, has one of a kind that NumPy has not."""

    def __init__(self) -> None:
        super().__init__()
        weight = nn.Parameter(torch.zeros(WIDE, WIDE))
        self.weight = weight
        nn.init.ones_(weight)
        self.one, self.two = nn.Linear(WIDE, WIDE, bias=False), nn.Linear(WIDE, WIDE, bias=False)
        self.two.weight = self.one.weight
        self.narrow = nn.Parameter(torch.ones(WIDE, WIDE, dtype=torch.bfloat16))
        self.lazy = nn.LazyLinear(3)


def test_a_parameter_stays_the_one_that_its_maker_holds() -> None:
    with made_in_files():
        model = Held()
    assert model.weight.eq(1.0).all() and lies_in_file(model.weight.detach().numpy())
    assert [name for name, _ in model.named_parameters()][:4] == [
        "weight",
        "narrow",
        "one.weight",
        "lazy.weight",
    ]
    assert model.two.weight is model.one.weight and model.narrow.eq(1.0).all()
