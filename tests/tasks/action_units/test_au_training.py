"""The loss, weights of positives that stay at a site, amplification drawn in training, one rate."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from isofed.tasks.action_units import TASK, frozen, training
from isofed.tasks.action_units.labels import packed, unpacked
from isofed.tasks.action_units.layouts.motions import Motions
from isofed.tasks.action_units.model import Output, latents, parted, pooled
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.task import Samples

PLAIN = ActionUnitOptions(balance="none")
LOCAL = ActionUnitOptions(balance="local")


def said(count: int, seed: int = 0) -> Output:
    flow, magnified = torch.randn(2, count, 12, generator=torch.Generator().manual_seed(seed))
    return Output(torch.zeros(count, 4), flow, magnified, (flow + magnified) / 2)


def samples(count: int = 6, side: int = 32) -> Samples:
    rng = np.random.default_rng(0)
    flow = rng.random((count, 3, side, side)).astype(np.float16)
    moved = rng.random((count, 64, side // 4, side // 4)).astype(np.float16)
    return Samples(Motions(flow, moved, np.arange(count)), rng.integers(0, 4096, count))


@pytest.mark.parametrize("lam", [0.0, 1.0, 2.5])
def test_the_loss_is_two_cross_entropies(lam: float) -> None:
    labels = np.array([0, 5, 4095])
    output, marks = said(3), torch.from_numpy(unpacked(labels))
    targets = torch.from_numpy(training.targets(labels, training.weights(labels, PLAIN)))
    wanted = F.binary_cross_entropy_with_logits(output.magnified, marks)
    wanted = wanted + lam * F.binary_cross_entropy_with_logits(output.flow, marks)
    found = training.loss(output, targets, ActionUnitOptions(balance="none", flow_weight=lam))
    torch.testing.assert_close(found, wanted)


def test_positives_weigh_what_the_site_has_of_them() -> None:
    labels = np.array([packed({1}), packed({1, 2}), packed({1}), packed({4}), *[packed({6})] * 36])
    weight = training.weights(labels, LOCAL)
    assert weight[0] == pytest.approx(10) and weight[1] == 10 and weight[3] == 1  # 37/3, 39/1, none
    assert weight[4] == pytest.approx(4 / 36)
    assert (training.weights(labels, PLAIN) == 1).all()
    output, marks = said(40), torch.from_numpy(unpacked(labels))
    wanted = sum(
        F.binary_cross_entropy_with_logits(z, marks, pos_weight=torch.from_numpy(weight))
        for z in (output.magnified, output.flow)
    )
    targets = torch.from_numpy(training.targets(labels, weight))
    assert isinstance(wanted, torch.Tensor)
    torch.testing.assert_close(training.loss(output, targets, LOCAL), wanted)


@given(st.lists(st.integers(0, 4095), min_size=1, max_size=20), st.floats(1, 100))
def test_weights_are_finite_whatever_a_site_has(labels: list[int], most: float) -> None:
    weight = training.weights(np.array(labels), ActionUnitOptions(balance="local", most_weight=most))
    assert np.isfinite(weight).all() and (weight >= 1 / most - 1e-6).all() and (weight <= most + 1e-4).all()
    assert (training.targets(np.array(labels), weight) > 0).sum() == unpacked(np.array(labels)).sum()


def test_a_drawn_amplification_is_the_magnifier_s_own() -> None:
    """Latents scaled in training are those that the magnifier makes at the drawn amplification."""
    magnifier = frozen.magnifier()
    a, b = torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        kept = pooled(latents(magnifier, a, b, b, 10.0)).numpy()
        made = {f: pooled(latents(magnifier, a, b, b, f)) for f in (2.0, 10.0)}
    own = Samples(Motions(np.zeros((1, 3, 32, 32)), kept, np.zeros(1, np.int64)), np.array([1]))
    options = ActionUnitOptions(least=2.0)

    class Fixed:
        def __init__(self, value: float) -> None:
            self.value = value

        def uniform(self, low: float, high: float, shape: Any) -> Any:
            assert (low, high) == (2.0, 10.0)
            return np.full(shape, self.value)

    for factor, wanted in made.items():
        batch = training.transform(own, np.array([0]), options, Fixed(factor), "cpu")  # type: ignore[arg-type]
        torch.testing.assert_close(parted(batch.inputs)[1], wanted, rtol=1e-4, atol=1e-5)


def test_a_batch_is_what_evaluation_sees_unless_something_is_drawn() -> None:
    own, rows = samples(), np.array([4, 1])
    rng = np.random.default_rng(0)
    batch = training.transform(own, rows, LOCAL, rng, "cpu")
    still = training.still(own, rows, LOCAL, "cpu")
    assert torch.equal(batch.inputs, still.inputs) and still.labels is None
    flow, moved = parted(batch.inputs)
    np.testing.assert_array_equal(flow.numpy(), own.inputs[rows][0].astype(np.float32))
    np.testing.assert_array_equal(moved.numpy(), own.inputs[rows][1].astype(np.float32))
    drawn = training.transform(own, rows, ActionUnitOptions(least=2.0), rng, "cpu")
    assert torch.equal(parted(drawn.inputs)[0], flow) and not torch.equal(parted(drawn.inputs)[1], moved)


def test_rates_and_optimisers() -> None:
    assert [training.rate(t, 9, ActionUnitOptions(decay=0.9)) for t in (0, 0.9, 2.5)] == [1, 1, 0.9**2]
    model = TASK.model(ActionUnitOptions(width=4), torch.Generator().manual_seed(0))
    adam = training.TRAINING.optimiser(
        model, ActionUnitOptions(optimiser="adam", rate=1e-4, weight_decay=1e-3)
    )
    assert isinstance(adam, torch.optim.Adam) and not isinstance(adam, torch.optim.AdamW)
    assert (adam.defaults["lr"], adam.defaults["weight_decay"]) == (1e-4, 1e-3)
    sgd = training.TRAINING.optimiser(model, ActionUnitOptions(momentum=0.0))
    assert isinstance(sgd, torch.optim.SGD) and not sgd.defaults["nesterov"]
    keeps, plain = training.TRAINING.keeps_optimiser, training.TRAINING.plain
    assert keeps(ActionUnitOptions(optimiser="adam", momentum=0.0)) and keeps(ActionUnitOptions())
    assert not keeps(ActionUnitOptions(keep_momentum=False)) and plain(ActionUnitOptions(momentum=0.0))
    assert not plain(ActionUnitOptions(optimiser="adam", momentum=0.0))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (ActionUnitOptions(), "write task.balance=none"),
        (ActionUnitOptions(balance="none"), "write task.norm=group"),
        (ActionUnitOptions(balance="none", norm="group", scope="batch"), "write task.scope=sample"),
        (ActionUnitOptions(balance="none", norm="group"), None),
    ],
)
def test_whose_gradient_is_not_one_clip_s(options: ActionUnitOptions, sentence: str | None) -> None:
    found = training.PRIVATE.refuses(options)
    assert found is None if sentence is None else found is not None and sentence in found
    assert training.PRIVATE.of(samples()).tolist() == list(range(6))
