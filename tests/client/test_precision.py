from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isofed.client.precision import Precision, is_plain, owned

OTHERS = ({"momentum": 0.9}, {"weight_decay": 0.1}, {"maximize": True})


def steps(plain: bool, rate: float, seed: int) -> list[torch.Tensor]:
    """Take three steps of SGD on a net of which one part is never reached."""
    torch.manual_seed(seed)
    net = nn.ModuleDict({"used": nn.Linear(3, 2), "unused": nn.Linear(2, 2)})
    optimiser = torch.optim.SGD(net.parameters(), lr=rate)
    precision = Precision("cpu", None, None, optimiser, plain)
    for _ in range(3):
        precision.backward(net["used"](torch.rand(4, 3)).square().sum(), list(net.parameters()))
        assert net["unused"].weight.grad is None
        assert precision.step()
    return [parameter.detach() for parameter in net.parameters()]


@given(rate=st.floats(1e-4, 0.5), seed=st.integers(0, 99))
def test_a_plain_step_has_the_bits_of_torchs_own(rate: float, seed: int) -> None:
    for ours, theirs in zip(steps(True, rate, seed), steps(False, rate, seed), strict=True):
        assert torch.equal(ours, theirs)


@given(rate=st.floats(1e-4, 0.5), seed=st.integers(0, 99))
def test_a_step_along_gradients_has_the_bits_of_one_with_them_put_down(rate: float, seed: int) -> None:
    found = []
    for direct in (True, False):
        torch.manual_seed(seed)
        weights = [nn.Parameter(torch.rand(3, 2)), nn.Parameter(torch.rand(2)), nn.Parameter(torch.rand(1))]
        gradients = [torch.rand(3, 2), None, torch.rand(1)]
        optimiser = torch.optim.SGD(weights, lr=rate)
        precision = Precision("cpu", None, None, optimiser, plain=True, unwritten=True)
        assert precision.direct
        if direct:
            precision.along(gradients, weights)
            assert all(weight.grad is None for weight in weights)
        else:
            precision.put(gradients, weights)
            precision.step()
        found.append([weight.detach() for weight in weights])
    assert all(map(torch.equal, *found))


def test_no_step_is_direct_with_two_rates_or_gradients_that_are_written_into() -> None:
    weights = [nn.Parameter(torch.rand(1)), nn.Parameter(torch.rand(1))]
    one = torch.optim.SGD(weights, lr=0.1)
    two = torch.optim.SGD([{"params": weights[:1]}, {"params": weights[1:], "lr": 0.2}], lr=0.1)
    assert Precision("cpu", None, None, one, plain=True, unwritten=True).direct
    assert not Precision("cpu", None, None, two, plain=True, unwritten=True).direct
    assert not Precision("cpu", None, None, one, plain=True).direct


def test_sgd_alone_is_plain() -> None:
    weight = nn.Parameter(torch.zeros(1))
    assert is_plain(torch.optim.SGD([weight], lr=0.1))
    assert not is_plain(torch.optim.Adam([weight], lr=0.1))


@pytest.mark.parametrize("more", OTHERS, ids=lambda more: next(iter(more)))
def test_sgd_with_more_is_not(more: dict[str, Any]) -> None:
    assert not is_plain(torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1, **more))


def test_gradients_of_what_is_added_to_each_other_are_not_one_tensor() -> None:
    """Nesterov's momentum is added to the gradients in place: to a shared one it would be added twice."""
    ended = []
    for foreach in (True, False):
        torch.manual_seed(0)
        weights = [nn.Parameter(torch.rand(3)) for _ in range(3)]
        optimiser = torch.optim.SGD(weights, lr=0.1, momentum=0.9, nesterov=True, foreach=foreach)
        precision = Precision("cpu", None, None, optimiser)
        for _ in range(3):
            first, second, third = weights
            precision.backward((first + second).square().sum() + third.sum(), weights)
            precision.step()
        ended.append(torch.stack([weight.detach() for weight in weights]))
    assert torch.equal(*ended)


def test_a_gradient_that_repeats_one_number_is_written_out() -> None:
    given = [torch.ones(()).expand(4), None, torch.ones(2)]
    first, second, third = owned(given)
    assert first.add_(torch.arange(4.0)).tolist() == [1.0, 2.0, 3.0, 4.0]  # type: ignore[union-attr]
    assert second is None and third is given[2]
