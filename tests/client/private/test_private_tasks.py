"""Of each task every example's gradient is its own, and a private step finds it, layer by layer or whole."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from opacus.validators import ModuleValidator
from torch import Tensor, nn

from isofed.client.epoch import Step
from isofed.client.private.draws import Draws
from isofed.client.private.step import WHOLE, Private
from isofed.client.private.tape import layers_of
from isofed.client.workshop import Workshop
from isofed.protocols.local_privacy import LocalPrivacy
from isofed.seeds import Secrets
from isofed.simulations.command import composed
from isofed.simulations.plan import make_plan
from isofed.tasks import TASKS
from isofed.tasks.private import grouped
from isofed.tasks.task import Batch

REID = (
    "task.objective=identity",
    "strategy=fedavg",
    *(f"task.{name}=8" for name in ("stem", "stage2", "stage3", "dimensions")),
)
CASES: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {
    "reid": (REID, (3, 32, 16)),
    "reid tracklets": (REID, (2, 3, 32, 16)),
    "vein": (("task=vein", "task.backbone=small"), (1, 48, 144)),
    "vein tiny": (("task=vein", "task.backbone=tiny"), (1, 48, 144)),
    "micro_gesture": (("task=micro_gesture", "task.body=imigue"), (3, 52, 22)),
    "action_units": (("task=action_units", "task.balance=none", "task.width=8"), (7, 64, 64)),
    "micro_gesture plain": (("task=micro_gesture", "task.body=imigue", "task.attention=plain"), (3, 52, 22)),
}
COUNT, NORM = 3, 0.05


def _shop(words: tuple[str, ...], folder: Path) -> Workshop:
    plan = make_plan(composed([*words, "task.norm=group", "dp=example", "dp.noise=0"]), folder)
    cfg = plan.shared()
    return Workshop.of(
        json.dumps({**cfg, "task": {**cfg["task"], "classes": cfg["task"].get("classes") or 5}})
    )


def _batch(shop: Workshop, shape: tuple[int, ...]) -> Batch:
    torch.manual_seed(1)
    inputs = torch.randn(COUNT, *shape)
    if shop.setting.task.training.several:
        return Batch(inputs, (torch.rand(COUNT, shop.setting.options.classes) > 0.5).float())
    return Batch(inputs, torch.arange(COUNT) % shop.setting.options.classes)


def _oracle(shop: Workshop, batch: Batch) -> list[Tensor]:
    trained = list(shop.parameters.values())
    total = [torch.zeros_like(p, dtype=torch.float64) for p in trained]
    for row in range(COUNT):
        output = shop.model(batch.inputs[[row]])
        loss = shop.setting.task.training.loss(output, batch.labels[[row]], shop.setting.options)
        found = torch.autograd.grad(loss, trained, allow_unused=True)
        length = torch.cat([s.double().flatten() for s in found if s is not None]).norm()
        for into, slope in zip(total, found, strict=True):
            if slope is not None:
                into += slope * min(1.0, NORM / float(length))
    return total


@pytest.mark.parametrize("name", CASES)
def test_a_step_of_a_task_is_the_sum_of_clipped_gradients(name: str, tmp_path: Path) -> None:
    words, shape = CASES[name]
    shop = _shop(words, tmp_path)
    shop.train()
    batch, known = _batch(shop, shape), dict[str, Any]()
    private = Private(
        LocalPrivacy("example", NORM, 0.0), Draws("", 10, 1, 1), 0.0, Secrets(bytes(32)), 1, 1, known
    )
    training, options = shop.setting.task.training, shop.setting.options

    def loss(output: Any, labels: Any, inputs: Any) -> Tensor:
        found: Tensor = training.loss(output, labels, options)
        return found

    trained: list[nn.Parameter] = list(shop.parameters.values())
    private.step(shop.model, Step(None, 0.0, np.arange(COUNT), batch, np.arange(COUNT)), loss, trained)  # type: ignore[arg-type]
    wanted = _oracle(shop, batch)
    scale = max(float(each.abs().max()) for each in wanted)
    for parameter, each in zip(trained, wanted, strict=True):
        assert parameter.grad is not None
        assert float((parameter.grad.double() - each).abs().max()) < 1e-4 * scale
    whole = WHOLE in known or layers_of(shop.model, trained) is None
    assert whole == (name in ("reid tracklets", "micro_gesture", "micro_gesture plain"))


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_says_what_it_hides(name: str) -> None:
    training = TASKS[name].training
    assert training is not None and training.private is not None
    options = TASKS[name].options()
    assert training.private.example in ("image", "clip") and training.private.batch(options) > 1
    assert training.private.subject in ("", "identity", "subject", "person")
    assert "task.norm=group" in (training.private.refuses(options) or "") or training.private.refuses(options)


@pytest.mark.parametrize("channels", [1, 4, 6, 16, 80, 512])
def test_group_normalisation_takes_the_place_of_every_batch_normalisation(channels: int) -> None:
    model = nn.ModuleDict(
        {"maps": nn.Sequential(nn.BatchNorm2d(channels)), "vector": nn.BatchNorm1d(channels, affine=False)}
    )
    model["maps"][0].weight.data.fill_(2.0)  # type: ignore[index]
    before = {name for name, _ in model.named_parameters()}
    grouped(model)
    assert {name for name, _ in model.named_parameters()} == before
    assert not list(model.named_buffers()) and not ModuleValidator.validate(model.train())
    maps, vector = model["maps"][0], model["vector"]  # type: ignore[index]
    assert isinstance(maps, nn.GroupNorm) and isinstance(vector, nn.GroupNorm)
    assert vector.num_groups == 1 and maps.num_groups <= 32 and channels % maps.num_groups == 0
    assert maps.num_groups == 1 or channels // maps.num_groups >= 4
    assert bool((maps.weight == 2.0).all())
