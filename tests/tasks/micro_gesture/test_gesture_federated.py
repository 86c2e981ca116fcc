"""What leaves a site, what two bodies share, and that averages are the step of one trainer."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from isofed.client.workshop import Workshop
from isofed.tasks.micro_gesture import build, training
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.task import Samples

TINY: dict[str, Any] = {"body": "imigue", "width": 12}
OWN = ("data_bn.", ".fixed", ".distances")  # of a model what depends on the joints


def shop_of(strategy: str) -> Workshop:
    """Build a run's workshop."""
    cfg = {
        **{"run": "test", "seed": 0, "rounds": 1, "evaluate_every": 1, "layout": "imigue"},
        "task": {"name": "micro_gesture", **TINY},
        "protocol": {"name": "entity"},
        "strategy": {"name": strategy},
    }
    return Workshop.of(json.dumps(cfg))


def gradients(options: MicroGestureOptions, samples: Samples) -> dict[str, torch.Tensor]:
    """Return what one batch of all samples says; with the input's running statistics as they are."""
    model = build(options, torch.Generator().manual_seed(0)).eval()
    rows = np.arange(len(samples))
    batch = training.transform(samples, rows, options, np.random.default_rng(0), "cpu")
    training.loss(model(batch.inputs), batch.labels, options).backward()
    return {name: p.grad.double() for name, p in model.named_parameters() if p.grad is not None}


def test_check_16_an_average_by_clips_is_the_pooled_step() -> None:
    """Two sites of unlike size, one of them without labels, weighed by their clips."""
    options, rng = MicroGestureOptions(**TINY), np.random.default_rng(0)
    clips = rng.standard_normal((6, 3, 52, 22)).astype(np.float32)
    whole = Samples(clips, np.array([0, 1, 1, 0, -1, -1]))
    pooled = gradients(options, whole)
    sites = [whole.take(np.arange(4)), whole.take(np.arange(4, 6))]
    each = [gradients(options, site) for site in sites]
    for name, wanted in pooled.items():
        mean = sum(len(site) / 6 * found[name] for site, found in zip(sites, each, strict=True))
        assert isinstance(mean, torch.Tensor)
        torch.testing.assert_close(mean, wanted, rtol=1e-3, atol=1e-4)


def test_check_17_the_input_s_normalisation_stays_at_the_site() -> None:
    kept, shared = shop_of("fedbn"), shop_of("fedavg")
    for shop in (kept, shared):
        names = {name for group in ("model", "buffers") for name in shop.trees[group]}
        leaving = {name for name in names if name.startswith("data_bn.")}
        assert bool(leaving) == (shop is shared)
    # nor does that of any other layer, and attention does leave
    names = set(kept.trees["model"])
    assert not [name for name in names if "norm" in name or "_bn" in name]
    assert "encoder.0.attention.of_joints.weight" in names


@pytest.mark.parametrize("weight", [1.0, 0.0])
def test_a_site_without_labels_moves_weights_by_reconstruction_alone(weight: float) -> None:
    """With a weight of 0 for the reconstruction a step of such a site leaves every parameter as it was."""
    options = MicroGestureOptions(**TINY, rebuilt_weight=weight)
    clips = np.random.default_rng(0).standard_normal((4, 3, 52, 22)).astype(np.float32)
    model = build(options, torch.Generator().manual_seed(0)).train()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    step = training.TRAINING.optimiser(model, options)
    batch = training.transform(
        Samples(clips, np.full(4, -1)), np.arange(4), options, np.random.default_rng(0), "cpu"
    )
    training.loss(model(batch.inputs), batch.labels, options).backward()
    step.step()
    moved = {name for name, p in model.named_parameters() if not torch.equal(before[name], p)}
    assert {name.partition(".")[0] for name in moved} == (
        {"data_bn", "encoder", "decoder", "rebuild"} if weight else set()
    )


@pytest.mark.parametrize("width", [12, 24])
def test_check_18_two_bodies_share_all_that_joints_do_not_shape(width: int) -> None:
    models = [
        build(MicroGestureOptions(body=body, width=width), torch.Generator().manual_seed(0))
        for body in ("imigue", "smg")
    ]
    shapes = [{n: tuple(v.shape) for n, v in model.state_dict().items()} for model in models]
    trunks = [{n: s for n, s in each.items() if not any(word in n for word in OWN)} for each in shapes]
    assert trunks[0] == trunks[1] and len(trunks[0]) > 100
    for name in shapes[0].keys() - trunks[0].keys():
        assert shapes[0][name] != shapes[1][name] or shapes[0][name] == ()
    # and the one's trunk is of use to the other
    state = {name: value for name, value in models[0].state_dict().items() if name in trunks[0]}
    models[1].load_state_dict(state, strict=False)
    assert torch.isfinite(models[1](torch.randn(2, 3, 52, 25)).logits).all()


def test_linear_upsamplers_cannot_be_shared() -> None:
    shapes = [
        {n: tuple(v.shape) for n, v in build(
            MicroGestureOptions(body=body, width=12, up="linear"), torch.Generator().manual_seed(0)
        ).state_dict().items() if not any(word in n for word in OWN)}
        for body in ("imigue", "smg")
    ]  # fmt: skip
    assert shapes[0].keys() == shapes[1].keys() and shapes[0] != shapes[1]
