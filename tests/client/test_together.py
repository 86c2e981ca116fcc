"""Sites trained together end where each ends alone."""

from collections.abc import Iterator
from typing import Any

import pytest
from together_case import NAME, TASK, apart, both, places_of, shop_of

from isofed.client import together
from isofed.client.stackable import why_not
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


MODELS = ("head", "cnn", "dropout", "cnn_dropout", "blurred", "odd")
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
    {"name": "uniform", "count": "seen"},
)


@pytest.mark.usefixtures("_never_alone")
@pytest.mark.parametrize("model", ["dropout", "cnn"])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: "_".join(map(str, strategy.values())))
def test_terms_phases_and_shares_are_as_alone(strategy: dict[str, Any], model: str) -> None:
    shop = shop_of(strategy, model=model)
    places = places_of([20, 20, 20])
    assert why_not(shop, places[0]) is None
    alone, beside = both(shop, places, rounds=2)
    assert max(apart(one, other) for one, other in zip(alone, beside, strict=True)) < BOUND
    kept = {name for trained in alone for name in trained.sections}
    assert bool(kept) == (strategy["name"] in ("scaffold", "feddyn", "fedper", "fedbn", "fedrep", "fedbabu"))


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
    groups: list[int] = []
    stacked = together._stacked
    monkeypatch.setattr(
        together,
        "_stacked",
        lambda shop, works, streams: (groups.append(len(works)), stacked(shop, works, streams))[1],
    )
    shop = shop_of(optimiser="adam", keeps=True)
    places, order = places_of([20] * 5), first_order(shop)
    first = train_together(shop, places[:2], [order] * 2, [{}] * 2, ["1.1"] * 2)
    held = [first[0].sections, {}, first[1].sections, {}, {}]
    mixed = train_together(shop, places, [order] * 5, held, ["2.1"] * 5)
    assert groups == [2, 2, 3]  # two that have counted four steps, three that have counted none
    alone = [single(shop, p, order, m) for p, m in zip(places, held, strict=True)]
    assert max(apart(a, b) for a, b in zip(alone, mixed, strict=True)) < BOUND


def single(shop: Any, place: Any, order: Any, memory: Any) -> Any:
    return together.train(shop, place, order, memory, "2.1")


def test_a_step_that_turns_out_unlike_sends_all_back_to_train_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_of()
    training = shop.setting.task.training

    def shrinking(samples: Any, rows: Any, options: Any, rng: Any, device: str) -> Any:
        batch = training.transform(samples, rows, options, rng, device)
        short = len(samples) == 21 and 20 not in rows  # the third batch of such a site at the latest
        return type(batch)(batch.inputs[:-1], batch.labels[:-1]) if short else batch

    monkeypatch.setitem(vars(training), "transform", shrinking)
    alone, beside = both(shop, places_of([20, 20, 20]))
    assert max(apart(a, b) for a, b in zip(alone, beside, strict=True)) < BOUND


def test_the_masks_are_those_of_each_site_and_not_one_for_all() -> None:
    shop = shop_of(model="dropout")
    place = places_of([20])[0]
    order = first_order(shop)
    same = [place, type(place)(**{**vars(place), "site": "s9_20"})]
    monkey = shop.samples(place)
    shop._samples._held[f"train:{same[1].home}"] = (monkey, None)
    first, second = train_together(shop, same, [order] * 2, [{}] * 2, ["1.1"] * 2)
    assert apart(first, second) > 100 * BOUND
