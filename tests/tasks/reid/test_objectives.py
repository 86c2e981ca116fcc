import pytest
import torch

from isofed.tasks.reid import losses, train
from isofed.tasks.reid.model import Output
from isofed.tasks.reid.objectives import LOSSES, loss
from isofed.tasks.reid.options import CHOICES, ReidOptions

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


def output() -> Output:
    """Six random rows, neck and pooled features apart."""
    generator = torch.Generator().manual_seed(3)
    features, pooled = torch.randn(2, 6, 5, generator=generator).requires_grad_()
    return Output(features, pooled, torch.randn(6, 3, generator=generator))


def test_every_choice_has_a_loss() -> None:
    assert set(LOSSES) == set(CHOICES["objective"])


def test_each_objective_is_its_sum() -> None:
    out = output()
    alone = losses.identity(out.logits, LABELS)
    circle = losses.circle(out.features, LABELS, 0.45, 64.0)
    expected = {
        "baseline": alone + circle * (1.0 / 8.0),
        "identity": alone,
        "agw": alone + losses.weighted_triplet(out.pooled, LABELS),
        "caj": alone + losses.squared_triplet(out.pooled, LABELS),
    }
    for name, value in expected.items():
        assert torch.equal(loss(out, LABELS, ReidOptions(objective=name)), value), name
    assert len({value.item() for value in expected.values()}) == 4


def test_the_task_trains_with_the_objective_asked_for() -> None:
    out = output()
    for name in LOSSES:
        options = ReidOptions(objective=name)
        assert torch.equal(train.TRAINING.loss(out, LABELS, options), loss(out, LABELS, options))


def test_weights_of_the_circle_loss_do_not_touch_the_others() -> None:
    out = output()
    for name in ("identity", "agw", "caj"):
        assert torch.equal(
            loss(out, LABELS, ReidOptions(objective=name, circle_weight=9.0)),
            loss(out, LABELS, ReidOptions(objective=name)),
        )
    off = ReidOptions(circle_weight=0.0)
    assert torch.equal(loss(out, LABELS, off), losses.identity(out.logits, LABELS))


@pytest.mark.parametrize(("name", "pooled"), [("baseline", False), ("agw", True), ("caj", True)])
def test_which_feature_is_pulled(name: str, pooled: bool) -> None:
    features, raw = torch.randn(6, 5, requires_grad=True), torch.randn(6, 5, requires_grad=True)
    loss(Output(features, raw, torch.zeros(6, 3)), LABELS, ReidOptions(objective=name)).backward()
    assert (raw.grad is not None) == pooled and (features.grad is not None) == (not pooled)
