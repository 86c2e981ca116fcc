from types import SimpleNamespace
from typing import Any

import pytest
import torch

from isofed.errors import ConfigError
from isofed.strategies.local.envelope import envelope
from isofed.strategies.recipe import Done


def begun(lam: float, k: int, eta: float) -> tuple[Any, Any, torch.nn.Linear]:
    """The term, its state, and a model that has gone from 0 to 1 since the round began."""
    model = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
        term = envelope(lam, k, eta)
        state: Any = term.start(SimpleNamespace(model=model, travelling=("weight",)))  # type: ignore[arg-type]
        model.weight.fill_(1.0)
    return term, state, model


@pytest.mark.parametrize(
    ("momentum", "product", "stable"),
    [(0.0, 1.9, True), (0.0, 2.1, False), (0.9, 1.34, True), (0.9, 1.38, False)],
)
def test_how_hard_the_pull_may_be(momentum: float, product: float, stable: bool) -> None:
    term, state, model = begun(1.0, 1000, 0.1)
    optimiser = torch.optim.SGD(model.parameters(), product, momentum=momentum, nesterov=momentum > 0)
    for _ in range(400):
        model.weight.grad = term.drift(state, {})["weight"].clone()
        optimiser.step()
    assert (abs(model.weight.item()) < 1e-3) == stable


def test_w_follows_every_k_steps_and_is_what_leaves() -> None:
    term, state, model = begun(2.0, 2, 0.1)
    gone = []
    for _ in range(5):
        term.stepped(state, None, {})
        gone.append(state.around["weight"].item())
    # theta stays at 1: w goes a fifth of its way there after the second and the fourth step
    assert gone == pytest.approx([0.0, 0.2, 0.2, 0.36, 0.36])
    assert term.finish(state, Done(5)) == {}
    assert model.weight.item() == pytest.approx(0.36) and term.remember(state)["weight"].item() == 1.0


def test_ranges() -> None:
    for lam, k, eta in ((0.0, 1, 1.0), (1.0, 0, 1.0), (1.0, 1, 0.0)):
        with pytest.raises(ConfigError):
            envelope(lam, k, eta)
