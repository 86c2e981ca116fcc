import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isofed.client.normaliser import normaliser
from isofed.errors import CompositionError

MOMENTA = st.floats(0.0, 0.95)
FACTORS = st.lists(st.floats(0.0, 2.0), min_size=1, max_size=20)


def sgd(**settings: float | bool) -> torch.optim.SGD:
    return torch.optim.SGD([nn.Parameter(torch.ones(3))], lr=0.7, **settings)  # type: ignore[arg-type]


@given(st.integers(1, 40))
def test_plain_steps_at_a_constant_rate_reach_as_many(steps: int) -> None:
    assert normaliser(sgd(), (1.0,) * steps) == steps
    assert normaliser(sgd(weight_decay=0.5), (1.0,) * steps) == steps


@given(FACTORS)
def test_plain_steps_reach_the_sum_of_their_factors(factors: list[float]) -> None:
    assert normaliser(sgd(), tuple(factors)) == pytest.approx(sum(factors), abs=1e-12)


@given(st.integers(1, 40), MOMENTA)
def test_momentum_has_a_closed_form(steps: int, r: float) -> None:
    wanted = (steps - r * (1 - r**steps) / (1 - r)) / (1 - r)
    assert normaliser(sgd(momentum=r), (1.0,) * steps) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("nesterov", [False, True])
@given(FACTORS, st.floats(0.1, 0.95))
def test_any_rates_and_nesterov_as_a_loop_writes_them(nesterov: bool, factors: list[float], r: float) -> None:
    moved, buffer = 0.0, 0.0
    for factor in factors:
        buffer = r * buffer + 1.0
        moved += factor * (1.0 + r * buffer if nesterov else buffer)
    found = normaliser(sgd(momentum=r, nesterov=nesterov), tuple(factors))
    assert found == pytest.approx(moved, rel=1e-9, abs=1e-12)


def test_it_starts_afresh_and_leaves_the_optimiser_alone() -> None:
    optimiser = sgd(momentum=0.9, nesterov=True)
    (parameter,) = optimiser.param_groups[0]["params"]
    parameter.grad = torch.full((3,), 5.0)
    optimiser.step()
    before, buffer = parameter.clone(), optimiser.state[parameter]["momentum_buffer"].clone()
    assert normaliser(optimiser, (1.0,)) == pytest.approx(1.9)
    assert torch.equal(parameter, before) and optimiser.param_groups[0]["lr"] == 0.7
    assert torch.equal(optimiser.state[parameter]["momentum_buffer"], buffer)


def test_it_is_what_the_real_optimiser_moves_under_a_constant_gradient() -> None:
    """a_i is the sum of the coefficients with which gradients enter the update."""
    parameter = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimiser = torch.optim.SGD([parameter], lr=0.2, momentum=0.9, nesterov=True)
    factors = tuple(np.linspace(1.0, 0.1, 7))
    for factor in factors:
        optimiser.param_groups[0]["lr"] = 0.2 * factor
        parameter.grad = torch.full((1,), 3.0, dtype=torch.float64)
        optimiser.step()
    assert -parameter.item() == pytest.approx(0.2 * 3.0 * normaliser(optimiser, factors), rel=1e-12)


def test_another_optimiser_is_refused() -> None:
    adam = torch.optim.Adam([nn.Parameter(torch.ones(3))])
    with pytest.raises(CompositionError, match="fednova needs SGD at the sites, found Adam; use strategy"):
        normaliser(adam, (1.0,))


def test_groups_may_differ_in_their_rates_alone() -> None:
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr": rate} for rate in (0.1, 0.2)]
    assert normaliser(torch.optim.SGD(groups, momentum=0.5), (1.0, 1.0)) == pytest.approx(2.5)
    groups[1]["momentum"] = 0.9  # type: ignore[assignment]
    with pytest.raises(CompositionError, match="one momentum for all parameters"):
        normaliser(torch.optim.SGD(groups, momentum=0.5), (1.0,))
