"""A site's steps taken by their operations are the steps themselves, to the bit."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch
from together_case import MODELS, NAME, TASK, Net, Out, arrays, first_order, places_of, shop_of
from torch import nn

from isofed.client import stacked_batch, traced
from isofed.client.train import Trained, train
from isofed.records import Order
from isofed.tasks import TASKS


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        yield


def _rounds(shop: Any, listing: bool, sizes: tuple[int, ...] = (20, 23), rounds: int = 2) -> list[Trained]:
    """Return what the sites' last round came to."""
    first, found = first_order(shop), list[Trained]()
    places = [replace(place, traced=listing) for place in places_of(sizes)]
    for number in range(1, rounds + 1):
        order = Order("test", number, 1, "", first.digest, first.channels)
        held: list[Any] = [each.sections for each in found] or [{} for _ in places]
        found = [train(shop, p, order, m, f"{number}.1") for p, m in zip(places, held, strict=True)]
    return found


def _same(one: Trained, other: Trained) -> bool:
    ours, theirs = arrays(one), arrays(other)
    alike = ours.keys() == theirs.keys() and all(np.array_equal(v, theirs[name]) for name, v in ours.items())
    return alike and one.report.scalars == other.report.scalars


def _kinds(shop: Any) -> list[Any]:
    return [kind.listed for kind in vars(shop)["traced_alone"]._kinds.values()]


@pytest.mark.parametrize(
    ("model", "optimiser", "strategy"),
    [
        ("head", "sgd", "fedavg"),
        ("head", "sgd", "scaffold"),
        ("head", "adamw", "fedavg"),
        ("cnn", "momentum", "fedprox"),
        ("cnn", "sgd", "fedbn"),
        ("odd", "sgd", "fedavg"),
        ("odd", "adam", "fedprox"),
        ("counting", "sgd", "fedavg"),
        ("told", "sgd", "fedavg"),
    ],
)
def test_the_same_bits(model: str, optimiser: str, strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "OFTEN", 3)
    plain = _rounds(shop_of({"name": strategy}, model=model, optimiser=optimiser, keeps=True), False)
    shop = shop_of({"name": strategy}, model=model, optimiser=optimiser, keeps=True)
    listed = _rounds(shop, True)
    assert all(_kinds(shop))
    assert all(map(_same, plain, listed))


@pytest.mark.parametrize("model", ["dropout", "rrelu", "blurred", "branchy", "hidden"])
def test_what_draws_or_looks_at_numbers_is_taken_as_it_stands(
    model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traced, "OFTEN", 2)
    plain, shop = _rounds(shop_of(model=model), False), shop_of(model=model)
    if model == "hidden":  # it counts its calls, and looking through is one more
        monkeypatch.setattr(traced, "listed_of", lambda *given: pytest.fail("not to be asked"))
        monkeypatch.setattr(traced, "OFTEN", 1000)
    listed = _rounds(shop, True)
    assert not any(_kinds(shop))
    assert all(map(_same, plain, listed))


def test_what_counts_its_calls_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "OFTEN", 2)
    shop = shop_of(model="hidden")
    _rounds(shop, True)
    assert not any(_kinds(shop))


def test_nothing_is_looked_through_unless_asked_nor_with_a_term_of_the_loss(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traced, "OFTEN", 1)
    shop = shop_of()
    _rounds(shop, False)
    term = replace(shop.setting.recipe.local[0]) if shop.setting.recipe.local else None
    assert term is None and "traced_alone" not in vars(shop)
    prox = shop_of({"name": "fedprox"})
    local = tuple(replace(each, loss=lambda state, seen: None) for each in prox.setting.recipe.local)
    other = replace(prox, setting=replace(prox.setting, recipe=replace(prox.setting.recipe, local=local)))
    _rounds(other, True)
    assert "traced_alone" not in vars(other)


def test_a_listed_step_does_not_call_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "OFTEN", 2)
    calls, training = list[int](), shop_of().setting.task.training

    def loss(*given: Any) -> torch.Tensor:
        calls.append(1)
        return training.loss(*given)

    shop = shop_of()
    task = replace(shop.setting.task, training=replace(training, loss=loss))
    _rounds(replace(shop, setting=replace(shop.setting, task=task)), True, sizes=(20, 20), rounds=3)
    # four steps a round at each site: once as it stands, then once beside its list, and never again
    assert len(calls) == 3


def test_batches_of_other_shapes_are_kinds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "OFTEN", 1)
    plain, shop = _rounds(shop_of(ragged=True), False), shop_of(ragged=True)
    listed = _rounds(shop, True)
    assert len(_kinds(shop)) == 2 and all(_kinds(shop)) and all(map(_same, plain, listed))


class _Minded(Net):
    """Keeps in mind, outside of parameters and buffers, what it saw."""

    def __init__(self, way: str) -> None:
        super().__init__(*MODELS["head"]().layers)
        self.way, self.chance, self.seen, self.mean = way, random.Random(1), torch.zeros(()), torch.zeros(())

    def forward(self, inputs: torch.Tensor) -> Out:
        logits = super().forward(inputs).logits
        if self.way == "attribute":
            self.mean = 0.9 * self.mean + 0.1 * inputs.mean()
            return Out(logits + self.mean)
        if self.way == "in place":
            self.seen.add_(inputs.detach().mean())
            return Out(logits * (1 + self.seen))
        if self.way == "draws by itself":
            return Out(logits * (1 + self.chance.random()))
        self.steps = getattr(self, "steps", 0) + 1
        return Out(logits if self.steps < 9 else -logits)


@pytest.mark.parametrize("way", ["attribute", "in place", "draws by itself", "counter"])
def test_a_model_with_a_mind_of_its_own_is_taken_as_it_stands(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traced, "OFTEN", 3)
    found = []
    for listing in (False, True):
        patch = replace(TASK, model=lambda options, generator: _seeded(way, generator))
        monkeypatch.setitem(TASKS, NAME, patch)
        shop = shop_of()
        found.append(_rounds(shop, listing, rounds=4))
    assert not any(_kinds(shop)) and all(map(_same, *found))


def _seeded(way: str, generator: torch.Generator) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(generator.initial_seed())
        return _Minded(way)


@dataclass(frozen=True)
class _Pair:
    left: torch.Tensor
    right: torch.Tensor


def test_batches_that_are_put_together_otherwise_are_kinds_of_their_own() -> None:
    one, two = torch.ones(2), torch.zeros(2)
    forms = [
        stacked_batch.form(batch)
        for batch in (_Pair(one, two), (one, two), [one, two], {"a": one, "b": two}, {"a": one, "c": two})
    ]
    assert len(set(forms)) == len(forms)
    assert stacked_batch.form(_Pair(two, one)) == forms[0]
    assert stacked_batch.form((1,)) != stacked_batch.form((True,))


def test_no_more_kinds_are_kept_than_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "MOST", 5)
    steps = traced.Traced(nn.Identity())
    for number in range(50):
        steps.take(lambda *given: ({}, (torch.ones(()), {})), ({}, {}, []), number)
    assert len(steps._kinds) == 5


def test_a_batch_of_something_else_is_taken_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "OFTEN", 1)
    shop = shop_of()
    plain, training = _rounds(shop, False), shop.setting.task.training

    def odd(*given: Any) -> Any:
        batch = training.transform(*given)
        return replace(batch, labels=_Labels(batch.labels))

    def loss(output: Any, labels: Any, options: Any) -> torch.Tensor:
        return training.loss(output, labels.inside, options)

    task = replace(shop.setting.task, training=replace(training, transform=odd, loss=loss))
    other = replace(shop_of(), setting=replace(shop.setting, task=task))
    assert all(map(_same, plain, _rounds(other, True))) and _kinds(other) == []


class _Labels:
    def __init__(self, inside: torch.Tensor) -> None:
        self.inside = inside
