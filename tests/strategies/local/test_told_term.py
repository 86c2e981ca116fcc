from typing import Any

import numpy as np
import pytest
import torch
from flwr.supercore.differential_privacy import compute_adaptive_clip_model_update
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isofed.errors import ConfigError, ContractError
from isofed.strategies.local.proximal import proximal
from isofed.strategies.local.told import told_clipping, told_proximal
from isofed.strategies.recipe import Done, TermStart


def net(seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    for parameter in model.parameters():
        parameter.data.normal_(generator=generator)
    return model


def begun(term: Any, model: nn.Module, config: dict[str, Any]) -> Any:
    names = tuple(name for name, _ in model.named_parameters())
    return term.start(TermStart({}, 2, 4, 1, model=model, travelling=names, config=config))


def moved(model: nn.Module, size: float) -> None:
    for parameter in model.parameters():
        parameter.data.add_(size * torch.ones_like(parameter))


@given(st.floats(1e-3, 10), st.floats(1e-3, 2))
@settings(max_examples=25)
def test_it_clips_as_flowers_mods_do(norm: float, size: float) -> None:
    model = net()
    before = [p.detach().numpy().copy() for p in model.parameters()]
    term = told_clipping("norm_bit")
    state = begun(term, model, {"clipping_norm": norm})
    moved(model, size)
    theirs = [p.detach().numpy().copy() for p in model.parameters()]
    bit = compute_adaptive_clip_model_update(theirs, before, norm)
    assert term.finish is not None and term.numbers is not None
    assert term.finish(state, Done(1)) == {}
    assert term.numbers(state, Done(1)) == {"norm_bit": int(bit)}
    for parameter, wanted in zip(model.parameters(), theirs, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_nothing_moved_is_nothing_clipped() -> None:
    model, term = net(), told_clipping("norm_bit")
    state = begun(term, model, {"clipping_norm": 1.0})
    assert term.finish is not None and term.numbers is not None
    term.finish(state, Done(1))
    assert term.numbers(state, Done(1)) == {"norm_bit": 0}
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), net().parameters(), strict=True))


def test_a_bit_is_given_only_where_it_is_asked_for() -> None:
    assert told_clipping().gives == () and told_clipping().numbers is None


@pytest.mark.parametrize("value", [None, True, "1.0", b"1"])
def test_a_norm_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ContractError, match="the order's 'clipping_norm' is no number"):
        begun(told_clipping(), net(), {} if value is None else {"clipping_norm": value})


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_norm_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ConfigError, match="clipping_norm"):
        begun(told_clipping(), net(), {"clipping_norm": value})


def test_the_message_brings_mu_and_none_is_zero() -> None:
    for config, mu in (({"proximal-mu": 0.5, "server-round": 1}, 0.5), ({}, 0.0)):
        model = net()
        term, ours = told_proximal(), proximal(mu)
        state, own = begun(term, model, config), begun(ours, model, {})
        moved(model, 0.1)
        assert term.drift is not None and ours.drift is not None
        parameters = dict(model.named_parameters())
        found, wanted = term.drift(state, parameters), ours.drift(own, parameters)
        assert set(found) == set(wanted) and bool(found) == bool(mu)
        assert all(torch.equal(found[name], wanted[name]) for name in found)
