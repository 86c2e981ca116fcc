"""Sites trained together end where each ends alone."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from together_case import NAME, TASK, apart, arrays, both, first_order, places_of, shop_of

from isofed.client import together
from isofed.client.stackable import why_not
from isofed.client.stacked_steps import Uneven
from isofed.client.together import train_together
from isofed.client.train import train
from isofed.tasks import TASKS

BOUND = 1e-5  # of a leaf's largest entry, in float32


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TASKS, NAME, TASK)
        yield


@pytest.fixture
def _never_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def alone(*arguments: Any) -> None:
        raise AssertionError("a site was trained alone")

    monkeypatch.setattr(together, "train", alone)


MODELS = ("head", "cnn", "dropout", "cnn_dropout", "alpha_dropout", "blurred", "odd")
OPTIMISERS = ("sgd", "momentum", "adam", "adamw")


@pytest.mark.usefixtures("_never_alone")
@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("model", MODELS)
def test_stacked_sites_end_where_each_ends_alone(model: str, optimiser: str) -> None:
    shop = shop_of(model=model, optimiser=optimiser, keeps=True)
    places = places_of([20, 20, 20])
    assert why_not(shop, places[0]) is None
    alone, beside = both(shop, places, rounds=2)
    gaps = [apart(one, other) for one, other in zip(alone, beside, strict=True)]
    assert max(gaps) < BOUND


STRATEGIES: tuple[dict[str, Any], ...] = (
    {"name": "fedprox", "mu": 0.5},
    {"name": "scaffold", "option": "one"},
    {"name": "scaffold", "option": "two"},
    {"name": "feddyn", "alpha": 0.1},
    {"name": "qfedavg"},
    {"name": "fednova"},
    {"name": "fedper"},
    {"name": "fedbn"},
    {"name": "fedrep", "head_epochs": 2},
    {"name": "fedbabu"},
    {"name": "lora", "rank": 2},
    {"name": "uniform", "count": "full_batches"},
)
KEEPING = ("scaffold", "feddyn", "fedper", "fedrep", "fedbabu")


@pytest.mark.usefixtures("_never_alone")
@pytest.mark.parametrize("model", ["dropout", "cnn"])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: "_".join(map(str, strategy.values())))
def test_terms_phases_and_shares_are_as_alone(strategy: dict[str, Any], model: str) -> None:
    shop = shop_of(strategy, model=model)
    places = places_of([20, 20, 20])
    assert why_not(shop, places[0]) is None
    alone, beside = both(shop, places, rounds=2)
    assert max(apart(one, other) for one, other in zip(alone, beside, strict=True)) < BOUND
    kept = bool(alone[0].sections)
    assert kept == (strategy["name"] in KEEPING or (strategy["name"], model) == ("fedbn", "cnn"))


def test_sites_of_other_shapes_find_their_own_companions(monkeypatch: pytest.MonkeyPatch) -> None:
    single, seen = together.train, list[str]()

    def alone(shop: Any, place: Any, *more: Any) -> Any:
        seen.append(place.site)
        return single(shop, place, *more)

    monkeypatch.setattr(together, "train", alone)
    shop = shop_of(model="dropout", optimiser="momentum")
    one, other = both(shop, places_of([20, 10, 22, 5, 10, 15]))
    assert max(apart(a, b) for a, b in zip(one, other, strict=True)) < BOUND
    assert seen == ["s3_5", "s5_15"]  # 20 and 22 make four batches, both 10 make two
    assert [t.report.scalars["examples"] for t in other] == [20, 10, 22, 5, 10, 15]


def test_sites_whose_optimisers_remember_otherwise_are_not_stacked(monkeypatch: pytest.MonkeyPatch) -> None:
    groups, stacked = list[int](), together._stacked

    def watched(shop: Any, works: Any, streams: Any) -> Any:
        groups.append(len(works))
        return stacked(shop, works, streams)

    monkeypatch.setattr(together, "_stacked", watched)
    shop = shop_of(optimiser="adam", keeps=True)
    places, order = places_of([20] * 5), first_order(shop)
    first = train_together(shop, places[:2], [order] * 2, [{}] * 2, ["1.1"] * 2)
    held = [first[0].sections, {}, first[1].sections, {}, {}]
    mixed = train_together(shop, places, [order] * 5, held, ["2.1"] * 5)
    assert groups == [2, 2, 3]  # two that have counted four steps, three that have counted none
    alone = [train(shop, p, order, m, "2.1") for p, m in zip(places, held, strict=True)]
    assert max(apart(a, b) for a, b in zip(alone, mixed, strict=True)) < BOUND


def test_a_step_that_turns_out_unlike_sends_its_group_back_to_train_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stacked, given_up = together._stacked, list[int]()

    def watched(shop: Any, works: Any, streams: Any) -> Any:
        try:
            return stacked(shop, works, streams)
        except Uneven:
            given_up.append(len(works))
            raise

    monkeypatch.setattr(together, "_stacked", watched)
    alone, beside = both(shop_of(model="dropout", ragged=True), places_of([20] * 7))
    assert max(apart(a, b) for a, b in zip(alone, beside, strict=True)) < BOUND
    assert given_up


@settings(max_examples=15)
@given(st.lists(st.sampled_from([5, 10, 11]), min_size=1, max_size=7), st.integers(1, 9))
def test_any_sites_in_any_order_come_back_in_theirs(sizes: list[int], round: int) -> None:
    shop, places = shop_of(model="dropout", rounds=9), places_of(sizes)
    order = first_order(shop, round)
    versions = [f"{round}.{row}" for row in range(len(sizes))]
    alone = [train(shop, p, order, {}, v) for p, v in zip(places, versions, strict=True)]
    beside = train_together(shop, places, [order] * len(sizes), [{}] * len(sizes), versions)
    assert max(apart(one, other) for one, other in zip(alone, beside, strict=True)) < BOUND


def test_no_site_is_no_work() -> None:
    assert train_together(shop_of(), [], [], [], []) == []


def test_each_site_begins_where_its_own_order_says() -> None:
    shop, places = shop_of(model="cnn"), places_of([20, 20])
    orders = [first_order(shop), first_order(shop)]
    model: Any = orders[1].channels["model"]
    model.tree.buffers["float32"][:] *= 0.5
    alone = [train(shop, p, o, {}, "1.1") for p, o in zip(places, orders, strict=True)]
    beside = train_together(shop, places, orders, [{}] * 2, ["1.1"] * 2)
    assert max(apart(one, other) for one, other in zip(alone, beside, strict=True)) < BOUND


def test_what_came_back_is_a_row_of_its_own_and_outlives_the_next_call() -> None:
    shop, places = shop_of(model="cnn"), places_of([20, 20])
    order = first_order(shop)
    first = train_together(shop, places, [order] * 2, [{}] * 2, ["1.1"] * 2)
    kept = [{name: array.copy() for name, array in arrays(trained).items()} for trained in first]
    for array in arrays(first[0]).values():
        array[...] = 0
    train_together(shop, places, [order] * 2, [{}] * 2, ["1.1"] * 2)
    assert all(np.array_equal(array, kept[1][name]) for name, array in arrays(first[1]).items())
    flat = first[1].report.channels["model"].tree.buffers["float32"]
    assert flat.flags.c_contiguous and flat.ndim == 1


def test_torchs_own_random_state_is_left_as_it_was() -> None:
    shop, places = shop_of(model="cnn_dropout"), places_of([20, 20])
    order = first_order(shop)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    train_together(shop, places, [order] * 2, [{}] * 2, ["1.1"] * 2)
    assert torch.equal(before, torch.get_rng_state())
