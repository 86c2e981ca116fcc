"""Batches pass over every picture, rates rise and fall, and a few steps learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.task import Samples
from isofed.tasks.vein import build, training
from isofed.tasks.vein.losses import angular, batch_hard
from isofed.tasks.vein.model import BACKBONES
from isofed.tasks.vein.options import VeinOptions
from isofed.tasks.vein.training import TRAINING

SMALL = VeinOptions(classes=3, height=16, width=48, backbone="tiny", dimensions=8, batch=6)


def samples(count: int = 30, classes: int = 3, seed: int = 0) -> Samples:
    """Return pictures of fingers that are a pattern of their own, and noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    own = np.random.default_rng(1).integers(0, 256, (classes, 16, 48))
    return Samples((own[labels] * 0.8 + rng.integers(0, 50, (count, 16, 48))).astype(np.uint8), labels)


@given(st.integers(1, 40), st.integers(2, 50), st.integers(1, 3), st.integers(0, 9))
def test_every_pass_shows_every_picture(count: int, batch: int, epochs: int, seed: int) -> None:
    options = VeinOptions(batch=batch, local_epochs=epochs)
    held = Samples(np.zeros((count, 2, 2), np.uint8), np.zeros(count, np.int64))
    rows = training.sample(held, options, np.random.default_rng(seed))
    size = min(batch, count)
    assert rows.dtype == np.int64 and rows.shape == (epochs * -(-count // size), size)
    for each in np.split(rows, epochs):
        shown = np.bincount(each.ravel(), minlength=count)
        assert shown.min() == 1 and shown.max() <= 2 and len(shown) == count


@pytest.mark.parametrize("warmup", [0.0, 0.25])
def test_the_rate_rises_in_a_line_and_falls_as_a_cosine(warmup: float) -> None:
    options = VeinOptions(warmup=warmup)
    found = np.array([training.rate(done, 20, options) for done in np.linspace(0, 20, 81)])
    top = int(warmup * 80)
    assert found[top] == 1.0 and found[-1] == pytest.approx(0, abs=1e-12)
    assert (np.diff(found[: top + 1]) > 0).all() and (np.diff(found[top:]) < 0).all()
    assert training.rate(warmup * 20 + (1 - warmup) * 10, 20, options) == pytest.approx(0.5)
    assert training.rate(0.0, 20, options) == (1e-3 if warmup else 1.0)


def test_a_batch_is_drawn_from_the_generator_alone() -> None:
    held, rows = samples(), np.array([4, 1, 7])
    one, same, other = (
        TRAINING.transform(held, rows, SMALL, np.random.default_rng(seed), "cpu") for seed in (0, 0, 1)
    )
    assert one.inputs.shape == (3, 1, 16, 48) and one.labels.tolist() == held.labels[rows].tolist()
    assert torch.equal(one.inputs, same.inputs) and not torch.equal(one.inputs, other.inputs)


def test_evaluation_sees_pictures_as_they_are() -> None:
    held, rows = samples(), np.array([4, 1, 7])
    assert TRAINING.still is not None
    found = TRAINING.still(held, rows, SMALL, "cpu")
    assert found.labels is None
    assert torch.equal(found.inputs[:, 0], torch.from_numpy(held.inputs[rows]).float() / 127.5 - 1)


def test_the_loss_is_the_angular_margin_of_the_options() -> None:
    model = build(SMALL, torch.Generator().manual_seed(0)).eval()
    batch = TRAINING.transform(samples(), np.arange(6), SMALL, np.random.default_rng(0), "cpu")
    output = model(batch.inputs)
    assert torch.equal(
        TRAINING.loss(output, batch.labels, SMALL), angular(output.cosines, batch.labels, SMALL.margin)
    )


def test_triplets_are_added_with_their_weight() -> None:
    model = build(SMALL, torch.Generator().manual_seed(0)).eval()
    batch = TRAINING.transform(samples(), np.arange(6), SMALL, np.random.default_rng(0), "cpu")
    output = model(batch.inputs)
    asked = replace(SMALL, triplet=4.0, triplet_margin=0.3)
    plain = TRAINING.loss(output, batch.labels, SMALL)
    hardest = batch_hard(output.features, batch.labels, 0.3)
    assert hardest > 0
    assert torch.equal(TRAINING.loss(output, batch.labels, asked), plain + 4 * hardest)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("step", [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.1]),  # after 60 of 100 epochs, by ten
        ("constant", [1.0] * 10),
    ],
)
def test_other_schedules(shape: str, expected: list[float]) -> None:
    options = VeinOptions(warmup=0.0, schedule=shape)
    assert [training.rate(float(done), 10, options) for done in range(10)] == expected
    rising = replace(options, warmup=0.2)
    assert training.rate(1.0, 10, rising) == 0.5 and training.rate(2.0, 10, rising) == 1.0


def test_adamw_decays_by_itself() -> None:
    model = build(SMALL, torch.Generator().manual_seed(0))
    options = replace(SMALL, optimiser="adamw", rate=1e-3, weight_decay=0.1)
    made = TRAINING.optimiser(model, options)
    assert isinstance(made, torch.optim.AdamW)
    before = model.head.weight.detach().clone()
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    made.step()
    # decoupled: without a gradient a step is the decay alone, θ (1 - η λ)
    assert torch.allclose(model.head.weight, before * (1 - 1e-3 * 0.1), rtol=1e-6)


@pytest.mark.parametrize("name", sorted(BACKBONES))
def test_the_first_stage_is_where_the_backbone_begins(name: str) -> None:
    options = VeinOptions(backbone=name, frozen=2)
    with torch.device("meta"):
        names = [each for each, _ in BACKBONES[name].make(8).named_parameters()]
    prefixes = BACKBONES[name].first
    inside = [each.startswith(prefixes) for each in names]
    count = sum(inside)
    assert 0 < count < len(names) and inside == [True] * count + [False] * (len(names) - count)
    assert all(any(each.startswith(prefix) for each in names) for prefix in prefixes)
    held = training.held(2, options)
    assert held == tuple(f"backbone.{prefix}" for prefix in prefixes)
    assert training.held(3, options) == training.held(1, VeinOptions(backbone=name)) == ()


def test_a_few_passes_tell_fingers_apart() -> None:
    model, held = build(SMALL, torch.Generator().manual_seed(0)), samples()
    optimiser, rng = TRAINING.optimiser(model, SMALL), np.random.default_rng(0)
    losses = []
    for _ in range(6):
        for rows in TRAINING.sample(held, SMALL, rng):
            batch = TRAINING.transform(held, rows, SMALL, rng, "cpu")
            loss = TRAINING.loss(model(batch.inputs), batch.labels, SMALL)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.6 * np.mean(losses[:5])


@pytest.mark.parametrize(
    ("options", "plain", "kept"),
    [
        (VeinOptions(), False, True),
        (VeinOptions(momentum=0.0), True, False),
        (VeinOptions(keep_momentum=False), False, False),
        (VeinOptions(optimiser="adamw", momentum=0.0), False, True),
        (VeinOptions(optimiser="adamw", keep_momentum=False), False, False),
    ],
)
def test_what_is_said_of_the_optimiser_is_so(options: VeinOptions, plain: bool, kept: bool) -> None:
    model = build(SMALL, torch.Generator().manual_seed(0))
    (group,) = TRAINING.optimiser(model, options).param_groups
    assert (group.get("momentum") == 0) == plain == TRAINING.plain(options)
    assert TRAINING.keeps_optimiser(options) == kept
