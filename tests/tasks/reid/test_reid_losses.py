import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from isofed.tasks.reid.losses import circle, identity, squared_triplet, weighted_triplet

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


def slow_gaps(features: Tensor, labels: Tensor) -> list[float | None]:
    """Weighted distance to mates minus weighted distance to strangers, loops written out."""
    gaps: list[float | None] = []
    for i in range(len(labels)):
        d = [math.dist(features[i].tolist(), other.tolist()) for other in features]
        mates = [d[j] for j in range(len(labels)) if labels[j] == labels[i]]  # the anchor among them
        strangers = [d[j] for j in range(len(labels)) if labels[j] != labels[i]]
        near = sum(x * math.exp(x) for x in mates) / sum(math.exp(x) for x in mates)
        if strangers:
            far = sum(x * math.exp(-x) for x in strangers) / sum(math.exp(-x) for x in strangers)
            gaps.append(near - far)
        else:
            gaps.append(None)
    return gaps


LINE = torch.tensor([[0.0], [2.0], [3.0], [5.0]])


def test_triplet_losses_on_a_worked_example() -> None:
    # anchor at 0: mates at 0 and 2 weigh 1 : e^2, strangers at 3 and 5 weigh e^2 : 1
    inner, outer = 2 / (1 + math.exp(-2)), 3 + 2 / (1 + math.exp(2))
    assert slow_gaps(LINE, LABELS)[0] == pytest.approx(inner - outer) == pytest.approx(-1.476812)
    # the anchor at 2 has strangers at 1 and 3
    assert (
        slow_gaps(LINE, LABELS)[1]
        == pytest.approx(inner - 1 - 2 / (1 + math.exp(2)))
        == pytest.approx(0.523188)
    )
    assert weighted_triplet(LINE, LABELS).item() == pytest.approx(0.597129, rel=1e-5)
    assert squared_triplet(LINE, LABELS).item() == pytest.approx(0.473172, rel=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 4), st.sampled_from([0.1, 1.0, 4.0]))
def test_triplet_losses_agree_with_loops(seed: int, batch: int, people: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(batch, 5, generator=generator) * scale
    labels = torch.randint(people, (batch,), generator=generator)
    gaps = slow_gaps(features, labels)
    plain = [math.log1p(math.exp(gap)) if gap is not None else 0.0 for gap in gaps]
    assert weighted_triplet(features, labels).item() == pytest.approx(sum(plain) / batch, rel=1e-4)
    for gamma in (1.0, 0.5):
        powers = [
            min(gamma * gap**2, 88.0) * (1 if gap > 0 else -1) if gap is not None else None for gap in gaps
        ]
        squared = [math.log1p(math.exp(power)) if power is not None else 0.0 for power in powers]
        expected = pytest.approx(sum(squared) / batch, rel=1e-4)
        assert squared_triplet(features, labels, gamma).item() == expected


@pytest.mark.parametrize("loss", [weighted_triplet, squared_triplet])
def test_triplet_losses_fall_when_people_part_and_have_gradients(loss: Callable[..., Tensor]) -> None:
    apart = torch.tensor([[0.0], [0.1], [50.0], [50.2]])
    assert loss(apart, LABELS) < 1e-6 < loss(LINE, LABELS) < loss(apart, torch.tensor([0, 1, 0, 1]))
    features = LINE.clone().requires_grad_()
    loss(features, LABELS).backward()
    assert features.grad is not None and features.grad.isfinite().all()
    assert features.grad[1] > 0 > features.grad[2]  # the two in the middle are pushed apart
    same = torch.zeros(4, 3, requires_grad=True)
    loss(same, LABELS).backward()
    assert same.grad is not None and torch.equal(same.grad, torch.zeros(4, 3))


@pytest.mark.parametrize("loss", [weighted_triplet, squared_triplet])
def test_triplet_losses_hold_for_features_of_any_length(loss: Callable[..., Tensor]) -> None:
    features = (torch.randn(8, 3, generator=torch.Generator().manual_seed(0)) * 1000).requires_grad_()
    value = loss(features, LABELS.repeat(2))
    value.backward()
    assert value.isfinite() and features.grad is not None and features.grad.isfinite().all()


@pytest.mark.parametrize("loss", [weighted_triplet, squared_triplet])
def test_triplet_losses_without_strangers_are_zero(loss: Callable[..., Tensor]) -> None:
    features = LINE.clone().requires_grad_()
    value = loss(features, torch.zeros(4, dtype=torch.int64))
    value.backward()
    assert value.item() == 0
    assert features.grad is not None and torch.equal(features.grad, torch.zeros(4, 1))
