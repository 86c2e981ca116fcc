import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from isofed.errors import ConfigError
from isofed.strategies.local.contrastive import contrastive, model_contrast
from isofed.strategies.recipe import Seen, TermStart
from isofed.strategies.share import flatten
from isofed.trees import Tree


@dataclass(frozen=True)
class Output:
    features: Tensor


class Net(nn.Module):
    """A linear body with a neck, and a head that features do not depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.neck, self.head = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, inputs: Tensor) -> Output:
        return Output(self.neck(self.body(inputs)))


def net(seed: int = 0) -> Net:
    torch.manual_seed(seed)
    return Net()


def start(model: nn.Module, memory: Any = None) -> TermStart:
    return TermStart({}, 2, 4, 1, model=model, head=("head.",), memory=memory)


def batch(model: nn.Module, seed: int = 0) -> Seen:
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))
    return Seen(model(inputs), torch.zeros(5, dtype=torch.int64), np.arange(5), inputs)


def written(z: np.ndarray, around: np.ndarray, before: np.ndarray, tau: float) -> float:
    """Return the loss as the paper writes it, with exp and log, in float64."""

    def cos(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    each = []
    for a, g, p in zip(z, around, before, strict=True):
        near, far = math.exp(cos(a, g) / tau), math.exp(cos(a, p) / tau)
        each.append(-math.log(near / (near + far)))
    return sum(each) / len(each)


@given(st.integers(0, 2**31), st.floats(0.05, 5))
def test_it_is_the_papers_formula(seed: int, tau: float) -> None:
    z, around, before = np.random.default_rng(seed).standard_normal((3, 6, 5))
    found = model_contrast(*(torch.from_numpy(rows) for rows in (z, around, before)), tau)
    assert found.item() == pytest.approx(written(z, around, before, tau), rel=1e-9, abs=1e-12)


def test_numbers_by_hand() -> None:
    one, other = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    # as near to both: log 2; cosines 1 and 0 at temperature 0.5: log(1 + e^-2); the other way: log(1 + e^2)
    assert model_contrast(one, one, one, 0.5).item() == pytest.approx(math.log(2))
    assert model_contrast(one, one, other, 0.5).item() == pytest.approx(math.log1p(math.exp(-2)))
    assert model_contrast(one, other, one, 0.5).item() == pytest.approx(math.log1p(math.exp(2)))
    # cosines -1 and 1 at a small temperature overflow a float32 when written with exp
    assert model_contrast(one, -one, one, 0.01).item() == pytest.approx(200.0)


def test_the_first_round_adds_nothing_and_remembers_the_model_without_its_head() -> None:
    model, term = net(), contrastive(1.0, 0.5)
    state = term.start(start(model))
    assert term.loss is not None and term.remember is not None
    assert term.loss(state, batch(model)) is None
    with torch.no_grad():
        model.body.weight += 1.0
    kept = term.remember(state)
    assert isinstance(kept, Tree)
    assert set(kept) == {name for name in model.state_dict() if not name.startswith("head.")}
    assert np.array_equal(kept["body.weight"], model.body.weight.detach().numpy())


@pytest.mark.parametrize("mu", [1.0, 2.5])
def test_later_rounds_compare_with_the_global_and_the_previous_model(mu: float) -> None:
    previous, model, term = net(1), net(0), contrastive(mu, 0.5)
    previous.neck.running_mean.fill_(0.3)  # type: ignore[operator]
    assert term.remember is not None and term.loss is not None
    memory = term.remember(term.start(start(previous)))
    state = term.start(start(model, memory))
    frozen = net(0).eval()
    with torch.no_grad():
        model.body.weight += 0.5  # training moves the model, never what it is compared with
    model.train()
    seen = batch(model)
    loss = term.loss(state, seen)
    around, before = frozen(seen.inputs).features, previous.eval()(seen.inputs).features
    wanted = mu * written(*(t.detach().double().numpy() for t in (seen.output.features, around, before)), 0.5)
    assert loss.item() == pytest.approx(wanted, rel=1e-5)
    loss.backward()
    assert model.body.weight.grad is not None and model.body.weight.grad.any()
    for reference in (state.around, state.before):
        assert not reference.training and all(not p.requires_grad for p in reference.parameters())
    assert torch.equal(state.before.neck.running_mean, previous.neck.running_mean)
    assert model.training


def test_references_do_not_share_storage_with_the_model() -> None:
    model, term = net(), contrastive(1.0, 0.5)
    trees = flatten(model)
    assert term.remember is not None
    state = term.start(start(model, term.remember(term.start(start(model)))))
    for tree in trees.values():
        for buffer in tree.buffers.values():
            buffer.zero_()
    assert state.around.body.weight.any() and state.before.body.weight.any()


def test_mu_zero_copies_nothing_and_remembers_nothing() -> None:
    term = contrastive(0.0, 0.5)
    memory = contrastive(1.0, 0.5).remember(contrastive(1.0, 0.5).start(start(net())))  # type: ignore[misc]
    state = term.start(start(net(), memory))
    assert state.around is None and term.remember is None
    assert term.loss is not None and term.loss(state, batch(net())) is None


@pytest.mark.parametrize("change", [{"mu": -1.0}, {"tau": 0.0}, {"tau": -0.5}])
def test_numbers_out_of_range_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"'{next(iter(change))}' is"):
        contrastive(**{"mu": 1.0, "tau": 0.5, **change})


def test_it_needs_features() -> None:
    assert contrastive(1.0, 0.5).needs == ("features",)
