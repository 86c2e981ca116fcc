from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from isofed.errors import ConfigError
from isofed.strategies.local.proximal import proximal
from isofed.strategies.recipe import TermStart


def net(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()


def begun(mu: float, model: nn.Module, travelling: tuple[str, ...]) -> tuple[Any, Any]:
    term = proximal(mu)
    return term, term.start(TermStart({}, 2, 4, 1, model=model, travelling=travelling))


def pushed(mu: float, model: nn.Module, travelling: tuple[str, ...], seed: int) -> dict[str, torch.Tensor]:
    """Begin, move every parameter, and return the gradients that the term adds."""
    term, state = begun(mu, model, travelling)
    noise = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn(parameter.shape, generator=noise, dtype=parameter.dtype)
    assert term.drift is not None
    return dict(term.drift(state, dict(model.named_parameters())))


@given(st.floats(1e-3, 100), st.integers(0, 2**31))
def test_its_gradient_is_that_of_the_written_loss(mu: float, seed: int) -> None:
    model, start = net(), {name: p.detach().clone() for name, p in net().named_parameters()}
    names = tuple(start)
    found = pushed(mu, model, names, seed)
    loss: Any = mu / 2 * sum((p - start[name]).square().sum() for name, p in model.named_parameters())
    loss.backward()
    assert set(found) == set(names)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-12, atol=1e-12)


def test_only_what_the_global_model_has_is_held() -> None:
    found = pushed(1.0, net(), ("0.weight", "1.bias"), 0)
    assert set(found) == {"0.weight", "1.bias"}


def test_zero_adds_nothing_at_all() -> None:
    assert pushed(0.0, net(), ("0.weight",), 0) == {}


def test_where_it_began_it_does_not_follow_the_model() -> None:
    model = net()
    term, state = begun(2.0, model, ("0.bias",))
    before = model[0].bias.detach().clone()  # type: ignore[union-attr,operator,index]
    with torch.no_grad():
        model[0].bias += 1.5  # type: ignore[operator,index]
    assert torch.equal(state["0.bias"], before)
    assert term.drift is not None
    push = term.drift(state, dict(model.named_parameters()))["0.bias"]
    torch.testing.assert_close(push, torch.full_like(push, 3.0))
    assert not push.requires_grad


@pytest.mark.parametrize("mu", [-0.1, 1e7])
def test_a_weight_out_of_range_is_refused(mu: float) -> None:
    with pytest.raises(ConfigError, match="'mu' is"):
        proximal(mu)
