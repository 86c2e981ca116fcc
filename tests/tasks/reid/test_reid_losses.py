import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from isofed.tasks.reid.losses import circle, identity

EXAMPLE = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, -0.6]])
LABELS = torch.tensor([0, 0, 1, 1])


def slow_circle(features: Tensor, labels: Tensor, m: float, g: float) -> tuple[float, list[float]]:
    unit = F.normalize(features.double(), dim=1)
    each = []
    for i in range(len(labels)):
        pull, push = 0.0, 0.0
        for j in range(len(labels)):
            s = float(unit[i] @ unit[j])
            if labels[i] != labels[j]:
                push += math.exp(g * max(0.0, s + m) * (s - m))
            elif i != j:
                pull += math.exp(-g * max(0.0, 1 + m - s) * (s - (1 - m)))
        each.append(math.log1p(pull * push))
    return sum(each) / len(each), each


def test_circle_on_the_worked_example() -> None:
    assert circle(EXAMPLE, LABELS).item() == pytest.approx(102.08, rel=1e-5)
    assert circle(EXAMPLE, LABELS, scale=4.0).item() == pytest.approx(6.541947, rel=1e-6)
    assert slow_circle(EXAMPLE, LABELS, 0.45, 4.0)[1] == pytest.approx(
        [1.82942, 1.82942, 11.25448, 11.25448], rel=1e-5
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 4), st.sampled_from([1.0, 4.0, 16.0]))
def test_circle_agrees_with_loops(seed: int, batch: int, people: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, 5, generator=generator)
    labels = torch.randint(people, (batch,), generator=generator)
    expected = slow_circle(features, labels, 0.45, scale)[0]
    assert circle(features, labels, 0.45, scale).item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 0, 0]])
def test_anchors_without_a_positive_or_a_negative_add_nothing(labels: list[int]) -> None:
    features = EXAMPLE.clone().requires_grad_()
    loss = circle(features, torch.tensor(labels))
    loss.backward()
    assert loss.item() == 0
    assert features.grad is not None and torch.equal(features.grad, torch.zeros_like(features))


def test_circle_weights_carry_no_gradient() -> None:
    features = EXAMPLE.clone().requires_grad_()
    circle(features, LABELS, scale=1.0).backward()
    unit = F.normalize(EXAMPLE, dim=1)
    frozen = unit @ unit.T
    other = EXAMPLE.clone().requires_grad_()
    s = F.normalize(other, dim=1) @ F.normalize(other, dim=1).T
    total = torch.zeros(())
    for i, mate in enumerate([1, 0, 3, 2]):
        pull = -(1.45 - frozen[i, mate]).clamp(min=0) * (s[i, mate] - 0.55)
        strangers = [2, 3] if i < 2 else [0, 1]
        push = ((frozen[i, strangers] + 0.45).clamp(min=0) * (s[i, strangers] - 0.45)).logsumexp(0)
        total = total + F.softplus(pull + push)
    (total / 4).backward()
    assert features.grad is not None and other.grad is not None
    torch.testing.assert_close(features.grad, other.grad)


def test_circle_ignores_the_length_of_features() -> None:
    assert circle(EXAMPLE * 7, LABELS).item() == pytest.approx(circle(EXAMPLE, LABELS).item(), rel=1e-5)


def test_identity_is_cross_entropy_and_flows_back() -> None:
    logits = torch.zeros(3, 10, requires_grad=True)
    loss = identity(logits, torch.tensor([1, 2, 3]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(10))
    assert logits.grad is not None and logits.grad[0, 1] < 0 < logits.grad[0, 0]
