from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from isofed.errors import ConfigError
from isofed.strategies.local.turned import distance, turned
from isofed.strategies.recipe import Done, Seen, TermStart


class Net(nn.Module):
    """Something with batch statistics and dropout, whose outputs tell which mode it is in."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))
        self.head = nn.Linear(5, 3)

    def forward(self, inputs: Tensor) -> SimpleNamespace:
        """Return features and logits."""
        features = self.body(inputs)
        return SimpleNamespace(features=features, logits=self.head(features))


def net() -> Net:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return Net()


def rows(seed: int) -> Tensor:
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))


def slow(one: Tensor, other: Tensor) -> float:
    """The mean of 1 - cos, row by row."""
    pairs = zip(one.detach().double().numpy(), other.detach().double().numpy(), strict=True)
    return float(np.mean([1 - a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in pairs]))


@pytest.mark.parametrize("of", ["logits", "features"])
def test_the_number_is_the_distance_between_before_and_after_on_the_first_batch(of: str) -> None:
    model, term = net().train(), turned(of)
    before = net().eval()
    assert term.gives == ("distance",) and term.needs == (of,)
    state = term.start(TermStart({}, 3, 5, 1, model))
    for seed in (1, 2):
        assert term.loss is not None
        assert term.loss(state, Seen(None, None, None, rows(seed))) is None
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.7).add_(0.2)
    statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}
    assert term.numbers is not None
    found = term.numbers(state, Done(2))
    assert model.training and all(part.training for part in model.modules())
    assert all(torch.equal(statistics[name], buffer) for name, buffer in model.named_buffers())
    wanted = slow(getattr(before(rows(1)), of), getattr(model.eval()(rows(1)), of))
    assert (
        wanted > 0.01 and abs(wanted - slow(getattr(before(rows(2)), of), getattr(model(rows(2)), of))) > 1e-3
    )
    assert found == {"distance": pytest.approx(wanted, abs=1e-6)}
    assert type(found["distance"]) is float


def test_a_model_that_did_not_change_is_not_apart() -> None:
    model, term = net(), turned("logits")
    state = term.start(TermStart({}, 3, 5, 1, model))
    assert term.loss is not None and term.numbers is not None
    term.loss(state, Seen(None, None, None, rows(1)))
    assert term.numbers(state, Done(1))["distance"] == pytest.approx(0.0, abs=1e-12)


@given(st.integers(0, 1000), st.sampled_from([-1.0, 1.0, 1e-3, 1e6]))
def test_the_distance_lies_between_zero_and_two(seed: int, scale: float) -> None:
    one = rows(seed)
    assert 0.0 <= distance(one, one * scale) <= 2.0
    assert distance(one, one * scale) == pytest.approx(1.0 - np.sign(scale), abs=1e-6)


def test_only_outputs_can_be_compared() -> None:
    with pytest.raises(ConfigError, match="unknown of 'logit'; did you mean 'logits'"):
        turned("logit")
