"""A traced step's graph does what it did, without what does nothing."""

import pytest
import torch
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from isofed.client.traced import same_bits
from isofed.client.traced_graph import function_of, without_idle


def _made(function: object, *tensors: Tensor) -> GraphModule:
    return make_fx(function, tracing_mode="fake")(*tensors)  # type: ignore[no-any-return,arg-type]


def _calls(module: GraphModule) -> list[str]:
    return [str(node.target) for node in module.graph.nodes if node.op == "call_function"]


def test_what_is_turned_twice_or_detached_is_the_tensor_itself() -> None:
    x = torch.randn(3, 4)
    module = _made(lambda a: [a.t().t() + 1, a.detach().view(3, 4) * 2, a.unsqueeze(0).squeeze(0)], x)
    without_idle(module)
    assert _calls(module) == ["aten.add.Tensor", "aten.mul.Tensor"]
    again = function_of(module)(x)
    assert all(map(torch.equal, again, [x + 1, x * 2, x]))


def test_what_shows_a_tensor_in_another_way_stays() -> None:
    x = torch.randn(3, 3)
    module = _made(lambda a: [a.t().mm(a), a.expand(2, 3, 3).sum(0), a[1:].t().t() + 1], x)
    found = function_of(module)(x)
    assert "aten.t.default" in _calls(module) and "aten.expand.default" in _calls(module)
    assert torch.equal(found[0], x.t().mm(x)) and torch.equal(found[2], x[1:] + 1)


def test_memory_that_is_written_is_the_same_memory() -> None:
    def step(a: Tensor, b: Tensor) -> list[Tensor]:
        shown = a.t().t()
        shown.add_(b)
        return [shown.sum()]

    a, b = torch.zeros(2, 3), torch.ones(2, 3)
    (total,) = function_of(_made(step, a, b))(a, b)
    assert total.item() == 6 and torch.equal(a, b)


def test_a_constant_of_the_graph_is_found() -> None:
    held = torch.arange(3.0)
    made = make_fx(lambda a: [a * held], tracing_mode="fake", _allow_non_fake_inputs=True)(torch.ones(3))
    assert torch.equal(function_of(made)(torch.full((3,), 2.0))[0], 2 * held)


@pytest.mark.parametrize("step", [lambda a: [a + torch.rand_like(a)], lambda a: [a.detach().t_() + 1]])
def test_a_graph_that_draws_or_turns_in_place_is_refused(step: object) -> None:
    with pytest.raises(ValueError, match="draws, or turns"):
        function_of(_made(step, torch.ones(3, 2)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (torch.tensor(0.0), torch.tensor(-0.0), False),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")]), True),
        (torch.ones(2, 3), torch.ones(3, 2).t(), True),
        (torch.ones(2), torch.ones(2, dtype=torch.float64), False),
        (torch.ones(1), torch.ones(()), False),
        (torch.zeros(0, 2), torch.zeros(0, 2), True),
    ],
)
def test_bits_are_compared(one: Tensor, other: Tensor, same: bool) -> None:
    assert same_bits(one, other) is same
