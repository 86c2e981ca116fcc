"""The hybrid loss against its formulas, and the released schedule of the rate."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from isofed.tasks.micro_gesture import build, training
from isofed.tasks.micro_gesture.losses import hybrid, rebuilding
from isofed.tasks.micro_gesture.model import HEAD_PREFIXES, Output
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.task import Samples

TINY: dict[str, Any] = {"body": "imigue", "width": 12}


def output(count: int, seed: int = 0) -> Output:
    """Return what a network might say of clips."""
    draw = torch.Generator().manual_seed(seed)
    clips = [torch.randn(count, 3, 52, 4, generator=draw) for _ in range(2)]
    return Output(torch.zeros(count, 2), torch.randn(count, 2, generator=draw), *clips)


def clips(labels: list[int]) -> Samples:
    rng = np.random.default_rng(0)
    return Samples(rng.standard_normal((len(labels), 3, 52, 22)).astype(np.float32), np.array(labels))


@pytest.mark.parametrize(("over", "expected"), [("sum", 52.0), ("mean", 1.0)])
def test_check_12_the_reconstruction_s_loss(over: str, expected: float) -> None:
    x = torch.randn(2, 3, 52, 22)
    assert rebuilding(x + 1, x, over).tolist() == pytest.approx([expected] * 2, rel=1e-5)
    assert rebuilding(x, x, over).tolist() == [0.0, 0.0]
    # 52 times the ordinary mean square, whatever the clips
    y = torch.randn(2, 3, 52, 22)
    assert rebuilding(y, x).mean().item() == pytest.approx(52 * F.mse_loss(y, x).item(), rel=1e-5)


def test_check_12_the_cosine_s_loss_knows_no_size() -> None:
    x = torch.randn(2, 3, 52, 22)
    assert rebuilding(3 * x, x, "mean", "cosine").abs().max() < 1e-10
    assert rebuilding(-x, x, "mean", "cosine").tolist() == pytest.approx([4.0, 4.0], rel=1e-5)


def test_check_13_the_released_rate_by_epoch() -> None:
    options = MicroGestureOptions(rate=5e-4, warmup=5, schedule="constant")
    rates = [options.rate * training.rate(epoch, 100, options) for epoch in range(100)]
    assert rates == pytest.approx([1e-4, 2e-4, 3e-4, 4e-4, *[5e-4] * 96])
    # it stands still within a round
    assert training.rate(1.99, 100, options) == training.rate(1, 100, options)


@given(st.integers(0, 30), st.integers(0, 20), st.floats(0, 1), st.sampled_from(["constant", "cosine"]))
def test_a_rate_is_a_factor(rounds: int, warmup: int, share: float, shape: str) -> None:
    options = MicroGestureOptions(warmup=warmup, schedule=shape)
    assert 0 <= training.rate(share * rounds, rounds, options) <= 1


def test_check_14_a_batch_without_labels_trains_all_but_the_head() -> None:
    options = MicroGestureOptions(**TINY)
    model = build(options, torch.Generator().manual_seed(0)).train()
    batch = training.transform(clips([-1, -1, -1]), np.arange(3), options, np.random.default_rng(0), "cpu")
    training.loss(model(batch.inputs), batch.labels, options).backward()
    moved = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert not [name for name in moved if name.startswith(HEAD_PREFIXES)]
    assert [name for name in moved if name.startswith("encoder.")] and "rebuild.weight" in moved


@pytest.mark.parametrize("labels", [[0, 1, -1, 1], [-1, -1, -1, -1], [1, 1, 1, 1]])
def test_the_loss_is_the_formula(labels: list[int]) -> None:
    options = MicroGestureOptions(over="sum", emotion_weight=0.5, rebuilt_weight=2.0)
    found, known = output(4), torch.tensor(labels)
    each = [F.cross_entropy(found.logits[n : n + 1], known[n : n + 1]) for n in range(4) if labels[n] >= 0]
    assert found.rebuilt is not None
    rec = 52 * F.mse_loss(found.rebuilt, found.reference)
    expected = 0.5 * sum(map(float, each)) / 4 + 2.0 * float(rec)
    assert training.loss(found, known, options).item() == pytest.approx(expected, rel=1e-5)


def test_convex_weights_and_supervision_alone() -> None:
    found, labels = output(4), torch.tensor([0, 1, -1, 1])
    alone = training.loss(found, labels, MicroGestureOptions(rebuilt_weight=0.0)).item()
    assert found.rebuilt is not None
    rec = rebuilding(found.rebuilt, found.reference, "mean").mean().item()
    mixed = training.loss(found, labels, MicroGestureOptions(weighting="convex", balance=0.25)).item()
    assert mixed == pytest.approx(0.25 * alone + 0.75 * rec, rel=1e-5)
    bare = Output(found.features, found.logits, None, found.reference)
    assert training.loss(bare, labels, MicroGestureOptions(up="", rebuilt_weight=0.0)).item() == alone


def test_no_label_of_all_is_no_number_to_fear() -> None:
    logits = torch.randn(3, 2, requires_grad=True)
    found = hybrid(logits, torch.full((3,), -1), None, (1.0, 1.0))
    found.backward()
    assert found.item() == 0.0 and logits.grad is not None and not logits.grad.any()


@given(st.integers(1, 40), st.integers(2, 16), st.integers(1, 3))
def test_every_clip_is_shown_in_every_pass(count: int, batch: int, epochs: int) -> None:
    options = MicroGestureOptions(batch=batch, local_epochs=epochs)
    steps = training.sample(clips([0] * count), options, np.random.default_rng(1))
    each = math.ceil(count / min(batch, count))
    assert steps.shape == (epochs * each, min(batch, count))
    assert all(set(part.ravel().tolist()) == set(range(count)) for part in np.split(steps, epochs))
