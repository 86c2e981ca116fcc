"""A site's steps taken by their operations are the steps themselves, to the bit."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from together_case import NAME, TASK, arrays, first_order, places_of, shop_of

from isofed.client import traced
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
    shop, calls = shop_of(), list[int]()
    shop.model.register_forward_hook(lambda *given: calls.append(1))
    _rounds(shop, True, sizes=(20, 20), rounds=3)
    # four steps a round at each site: once as it stands, then once beside its list, and never again
    assert len(calls) == 3


def test_batches_of_other_shapes_are_kinds_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced, "OFTEN", 1)
    plain, shop = _rounds(shop_of(ragged=True), False), shop_of(ragged=True)
    listed = _rounds(shop, True)
    assert len(_kinds(shop)) == 2 and all(_kinds(shop)) and all(map(_same, plain, listed))


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
