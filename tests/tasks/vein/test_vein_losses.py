"""Margin losses: worked values, the guard, and what each becomes at its neutral value."""

import math

import pytest
import torch
from torch.nn import functional as F

from isofed.errors import ConfigError
from isofed.tasks.vein.losses import PLAIN, PUBLISHED, Margin, angular, batch_hard, target


@pytest.mark.parametrize(
    ("margin", "logit"),
    [(PUBLISHED, 14.422), (Margin(m2=0.0, scale=64.0), 51.2), (Margin(m2=0.0, m3=0.35, scale=64.0), 28.8)],
    ids=["arcface", "plain", "cosface"],
)
def test_check_13_worked_logits(margin: Margin, logit: float) -> None:
    assert float(target(torch.tensor([0.8], dtype=torch.float64), margin)) == pytest.approx(logit, abs=5e-4)


def test_check_13_worked_loss() -> None:
    cosines = torch.tensor([[0.8, 0.1, -0.2]], dtype=torch.float64)
    found = angular(cosines, torch.tensor([0]), PUBLISHED)
    assert float(found) == pytest.approx(3.281e-4, rel=2e-4)


@pytest.mark.parametrize("m2", [0.1, 0.5, 0.7, 1.2, math.pi / 2])
def test_check_14_the_guard_keeps_the_logit_falling(m2: float) -> None:
    cosines = torch.linspace(1 - 1e-5, -1 + 1e-5, 20_001, dtype=torch.float64)
    logits = target(cosines, Margin(m2=m2))
    assert bool((torch.acos(cosines) + m2 > math.pi).any())
    assert bool((logits.diff() < 0).all())


def test_without_the_guard_it_would_rise() -> None:
    angles = torch.linspace(0.01, math.pi - 0.01, 1000)
    assert bool((torch.cos(angles + 0.7).diff() > 0).any())


@pytest.mark.parametrize(("m1", "m2"), [(2.0, 0.0), (4.0, 0.0), (1.5, 0.3), (3.0, 1.0)])
def test_check_14_a_factor_keeps_the_logit_falling_too(m1: float, m2: float) -> None:
    cosines = torch.linspace(1 - 1e-5, -1 + 1e-5, 20_001, dtype=torch.float64)
    assert bool((target(cosines, Margin(m1, m2)).diff() <= 1e-9).all())


def test_without_margins_it_is_the_normalised_softmax() -> None:
    cosines = torch.rand(6, 5, dtype=torch.float64) * 1.8 - 0.9
    labels = torch.tensor([0, 1, 2, 3, 4, 0])
    assert float(angular(cosines, labels, PLAIN)) == pytest.approx(
        float(F.cross_entropy(32 * cosines, labels))
    )


def test_the_slope_stays_finite_at_the_ends() -> None:
    cosines = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], requires_grad=True)
    angular(cosines, torch.tensor([0, 0]), PUBLISHED).backward()
    assert cosines.grad is not None and bool(torch.isfinite(cosines.grad).all())


def test_a_mean_over_examples() -> None:
    cosines, labels = torch.rand(4, 3) * 1.6 - 0.8, torch.tensor([0, 2, 1, 1])
    each = [float(angular(cosines[i : i + 1], labels[i : i + 1], PUBLISHED)) for i in range(4)]
    assert float(angular(cosines, labels, PUBLISHED)) == pytest.approx(sum(each) / 4, rel=1e-5)


@pytest.mark.parametrize("numbers", [{"m1": 0.5}, {"m2": -0.1}, {"m3": 2.0}, {"scale": 0.0}])
def test_a_margin_outside_its_range_is_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must lie between"):
        Margin(**numbers)


def test_the_hardest_triplets_written_out() -> None:
    torch.manual_seed(0)
    features, labels = torch.randn(9, 4), torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 3])
    unit = features / features.norm(dim=1, keepdim=True)
    terms = []
    for i in range(8):  # the last has no mate
        far = max(float((unit[i] - unit[j]).norm()) for j in range(9) if labels[j] == labels[i] and j != i)
        near = min(float((unit[i] - unit[j]).norm()) for j in range(9) if labels[j] != labels[i])
        terms.append(max(0.0, 0.2 + far - near))
    assert float(batch_hard(features, labels)) == pytest.approx(sum(terms) / 8, rel=1e-5)


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_triplets_without_mates_or_strangers_add_nothing(labels: list[int]) -> None:
    features = torch.randn(3, 4, requires_grad=True)
    loss = batch_hard(features, torch.tensor(labels))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert features.grad is not None and bool(torch.isfinite(features.grad).all())
