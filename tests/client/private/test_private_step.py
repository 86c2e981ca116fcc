"""A private step's gradient: each unit's by itself, clipped, summed, divided; whatever the model's build."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus import GradSampleModule
from opacus.optimizers import DPOptimizer
from private_case import MODELS, known, order_of, place_of, shop_of
from torch import Tensor
from torch.nn import functional as F

from isofed.client.epoch import Step
from isofed.client.private.noise import normals
from isofed.client.private.step import WHOLE, Private, begun
from isofed.errors import CompositionError
from isofed.tasks.task import Batch

FREE = 1e6  # a norm that clips nothing
STILL = sorted(set(MODELS) - {"dropout"})


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with known():
        yield


def _batch(count: int, seed: int = 0) -> Batch:
    torch.manual_seed(seed)
    labels = torch.arange(count) % 3
    return Batch(torch.randn(count, 2, 6, 6) + labels.view(-1, 1, 1, 1), labels)


def _loss(output: Any, labels: Any, inputs: Any) -> Tensor:
    return F.cross_entropy(output.logits, labels)


def _ready(folder: Path, model: str, unit: str = "example", **dp: Any) -> tuple[Any, Private]:
    shop = shop_of({"name": unit, "noise": 0.0, **dp}, model=model)
    return shop, begun(shop, place_of(folder), order_of(shop))


def _found(shop: Any, private: Private, batch: Batch | None, whose: Any = None) -> dict[str, Tensor]:
    count = len(batch.labels) if batch else 0
    step = Step(None, 0.0, np.arange(count), batch, np.arange(count) if whose is None else whose)  # type: ignore[arg-type]
    trained = dict(shop.parameters)
    private.step(shop.model, step, _loss, list(trained.values()))
    found = {name: parameter.grad.clone() for name, parameter in trained.items()}
    for parameter in trained.values():
        parameter.grad = None
    return found


def _oracle(shop: Any, batch: Batch, whose: Any, norm: float, expected: int) -> dict[str, Tensor]:
    """Sum clipped gradients by going through units one by one."""
    parameters, total = dict(shop.parameters), dict.fromkeys(shop.parameters, torch.zeros(()))
    for unit in np.unique(whose):
        rows = torch.from_numpy(whose == unit)
        slopes = [
            torch.autograd.grad(
                _loss(shop.model(batch.inputs[[row]]), batch.labels[[row]], None),
                list(parameters.values()),
                allow_unused=True,
            )
            for row in torch.nonzero(rows)[:, 0].tolist()
        ]
        filled = [
            [torch.zeros_like(p) if s is None else s for p, s in zip(parameters.values(), each, strict=True)]
            for each in slopes
        ]
        mean = [torch.stack(each).double().mean(0) for each in zip(*filled, strict=True)]
        length = float(torch.cat([each.flatten() for each in mean]).norm())
        factor = min(1.0, norm / length)
        total = {name: total[name] + factor * each for name, each in zip(parameters, mean, strict=True)}
    return {name: each / expected for name, each in total.items()}


def _close(found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    scale = max(float(each.abs().max()) for each in wanted.values())
    for name, each in wanted.items():
        assert float((found[name].double() - each).abs().max()) < 1e-4 * scale, name


@pytest.mark.parametrize("ghost", [False, True])
@pytest.mark.parametrize("norm", [FREE, 0.3])
@pytest.mark.parametrize("model", STILL)
def test_a_step_is_the_mean_of_clipped_gradients(
    tmp_path: Path, model: str, norm: float, ghost: bool
) -> None:
    shop, private = _ready(tmp_path, model, norm=norm, ghost=ghost)
    batch = _batch(9)
    found = _found(shop, private, batch)
    _close(found, _oracle(shop, batch, np.arange(9), norm, private.draws.expected))
    assert (WHOLE in vars(shop)) == (model == "films")


@pytest.mark.parametrize("norm", [FREE, 0.3])
@pytest.mark.parametrize("model", STILL)
def test_a_person_has_one_clipped_gradient(tmp_path: Path, model: str, norm: float) -> None:
    shop, private = _ready(tmp_path, model, "subject", norm=norm)
    batch, whose = _batch(9), np.array([0, 0, 0, 1, 2, 2, 3, 3, 3])
    _close(_found(shop, private, batch, whose), _oracle(shop, batch, whose, norm, private.draws.expected))


@pytest.mark.parametrize("model", ["chain", "dense", "tokens", "twice"])
def test_it_is_opacus_own_step(tmp_path: Path, model: str) -> None:
    shop, private = _ready(tmp_path, model, norm=0.3)
    batch = _batch(9)
    found = _found(shop, private, batch)
    for layer in shop.model.modules():
        if isinstance(layer, torch.nn.ReLU):
            layer.inplace = False  # which its hooks do not bear
    module = GradSampleModule(shop.model)
    optimiser = DPOptimizer(
        torch.optim.SGD(module.parameters(), 1.0),
        noise_multiplier=0.0,
        max_grad_norm=0.3,
        expected_batch_size=private.draws.expected,
    )
    # inputs that ask for gradients, or its hooks warn
    _loss(module(batch.inputs.requires_grad_()), batch.labels, None).backward()
    optimiser.pre_step()
    _close(found, {name: p.grad.double() for name, p in shop.parameters.items()})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(1e-3, 10.0), st.booleans())
def test_no_unit_moves_the_sum_further_than_the_norm(
    tmp_path_factory: pytest.TempPathFactory, seed: int, count: int, norm: float, ghost: bool
) -> None:
    shop, private = _ready(tmp_path_factory.mktemp("site"), "chain", norm=norm, ghost=ghost)
    batch, rest = _batch(count, seed), _batch(count, seed)
    rest = Batch(rest.inputs[1:], rest.labels[1:]) if count > 1 else None  # type: ignore[assignment]
    with_it, without = _found(shop, private, batch), _found(shop, private, rest)
    apart = torch.cat([(with_it[name] - each).double().flatten() for name, each in without.items()])
    # what single precision makes of two sums of other lengths is not the unit's doing
    assert float(apart.norm()) * private.draws.expected <= norm * (1 + 1e-5 * count)


def test_a_step_without_any_unit_is_noise_alone(tmp_path: Path) -> None:
    shop, private = _ready(tmp_path, "chain", norm=0.5)
    assert all(not each.any() for each in _found(shop, private, None).values())
    shop, private = _ready(tmp_path, "chain", norm=0.5, noise=2.0)
    found = torch.cat([each.flatten() for each in _found(shop, private, None).values()])
    key = place_of(tmp_path).secrets.within("test").derive(1, 1, f"dp {private.asked} noise 0")
    assert torch.equal(found, (normals(key, len(found)) * (2.0 * 0.5)).float() / private.draws.expected)


@pytest.mark.parametrize("model", ["chain", "dense", "films"])
@pytest.mark.parametrize("unit", ["example", "subject"])
def test_what_is_no_number_counts_as_zero(tmp_path: Path, model: str, unit: str) -> None:
    shop, private = _ready(tmp_path, model, unit, norm=0.3)
    batch, whose = _batch(6), np.array([0, 0, 1, 1, 2, 2]) if unit == "subject" else np.arange(6)
    bad = Batch(batch.inputs.clone(), batch.labels)
    bad.inputs[3] = float("nan")
    left = whose != whose[3]
    others = Batch(batch.inputs[torch.from_numpy(left)], batch.labels[torch.from_numpy(left)])
    again = np.unique(whose[left], return_inverse=True)[1]
    found = _found(shop, private, bad, whose)
    _close(found, {n: e.double() for n, e in _found(shop, private, others, again).items()})


def test_what_nobody_reaches_gets_noise_too(tmp_path: Path) -> None:
    shop, private = _ready(tmp_path, "scaled", noise=1.0)
    assert _found(shop, private, _batch(4))["body.8.idle"].all()


@pytest.mark.parametrize("ask", [lambda shop: None, lambda shop: shop.model.head.bias.requires_grad_(False)])
def test_frozen_parameters_are_left_out(tmp_path: Path, ask: Callable[[Any], Any]) -> None:
    shop, private = _ready(tmp_path, "chain", norm=0.3)
    ask(shop)
    trained = [p for p in shop.parameters.values() if p.requires_grad]
    batch = _batch(5)
    private.step(shop.model, Step(None, 0.0, np.arange(5), batch, np.arange(5)), _loss, trained)  # type: ignore[arg-type]
    assert [p for p in shop.parameters.values() if p.grad is not None] == trained
    assert all(p.requires_grad for p in trained)


def test_batch_normalisation_is_found_in_the_model_itself(tmp_path: Path) -> None:
    shop = shop_of({"name": "example", "noise": 1.0}, model="chain")
    shop.model.body[1] = torch.nn.BatchNorm2d(4)
    with pytest.raises(
        CompositionError, match=r"layer 'body\.1' is a BatchNorm2d: .* write task\.norm=group"
    ):
        begun(shop, place_of(tmp_path), order_of(shop))


def test_dropout_is_repeated_and_secret(tmp_path: Path) -> None:
    found = []
    for secret in (bytes(32), bytes(32), b"\1" * 32):
        shop = shop_of({"name": "example", "noise": 0.0}, model="dropout")
        private = begun(shop, place_of(tmp_path, secret=secret), order_of(shop))
        found.append(_found(shop, private, _batch(9))["head.weight"])
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
