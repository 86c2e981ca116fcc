"""A site's round under differential privacy: terms, memory, what leaves, and whom it depends on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from private_case import known, order_of, place_of, shop_of

from isofed.client.place import Place
from isofed.client.stackable import why_not
from isofed.client.train import Trained, train
from isofed.client.workshop import Workshop
from isofed.errors import ContractError
from isofed.protocols.local_privacy import Spend
from isofed.records import Delta, Value

OFF = {"name": "example", "noise": 0.0, "norm": 1e6}
TERMS = (
    {"name": "fedavg"},
    {"name": "fedprox", "mu": 0.5},
    {"name": "scaffold", "option": "two"},
    {"name": "feddyn", "alpha": 0.3},
    {"name": "moon", "mu": 1.0, "tau": 0.5},
)


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with known():
        yield


def _pushed(shop: Workshop, number: int) -> Any:
    """Return an order whose further trees are not zero, as after some rounds."""
    order = order_of(shop, number)
    rng = np.random.default_rng(3)
    made = {
        name: Delta(order.channels["model"].tree.map(lambda b: rng.normal(0, 0.05, b.shape).astype(b.dtype)))
        for name in shop.setting.recipe.trees
    }
    return replace(order, channels={**order.channels, **made})


def _rounds(shop: Workshop, place: Place, count: int = 3) -> list[Trained]:
    found, memory = [], {}
    for number in range(1, count + 1):
        found.append(train(shop, place, _pushed(shop, number), memory, f"{number}.1"))
        memory = found[-1].sections
    return found


def _numbers(trained: Trained) -> np.ndarray:
    trees = [channel.tree for channel in trained.report.channels.values()]
    trees += [section for section in trained.sections.values()]
    return np.concatenate([b.ravel().astype(float) for tree in trees for b in tree.buffers.values()])


# every unit is in every step at rate 1, so that a private step is the plain one of the whole site
WHOLE = {"batch": 20, "local_epochs": 3}


@pytest.mark.parametrize("strategy", TERMS, ids=lambda s: s["name"])
def test_a_term_acts_as_without_privacy(strategy: dict[str, Any], tmp_path: Path) -> None:
    place = place_of(tmp_path)
    plain = _rounds(shop_of(None, strategy, **WHOLE), place)
    private = _rounds(shop_of(OFF, strategy, **WHOLE), place)
    for one, other in zip(plain, private, strict=True):
        assert np.abs(_numbers(one) - _numbers(other)).max() < 1e-5
    without = _rounds(shop_of(OFF, **WHOLE), place)
    moved = [one.report.channels["model"].tree.buffers["float32"] for one in (private[-1], without[-1])]
    assert (np.abs(moved[0] - moved[1]).max() > 1e-4) == (strategy["name"] != "fedavg")


@pytest.mark.parametrize("strategy", TERMS, ids=lambda s: s["name"])
def test_a_term_costs_nothing(strategy: dict[str, Any], tmp_path: Path) -> None:
    dp = {"name": "example", "noise": 1.5}
    found = [one.spend for one in _rounds(shop_of(dp, strategy), place_of(tmp_path))]
    assert found == [Spend("clip", "dp-sgd", 8 / 20, 1.5, 3, 20)] * 3


@pytest.mark.parametrize("unit", ["example", "subject"])
def test_the_same_attempt_is_trained_to_the_same_bits(unit: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"jitter": 0.2, "momentum": 0.9, "keeps": True, "model": "dropout"}
    dp, place = {"name": unit, "noise": 0.7, "norm": 0.5}, place_of(tmp_path)
    one, other = (_rounds(shop_of(dp, **options), place) for _ in range(2))
    assert all(np.array_equal(_numbers(a), _numbers(b)) for a, b in zip(one, other, strict=True))
    # a process that has served another site in between
    shop = shop_of(dp, **options)
    train(shop, place_of(tmp_path, 9, name="other"), order_of(shop), {}, "1.1")
    again = _rounds(shop, place)
    assert all(np.array_equal(_numbers(a), _numbers(b)) for a, b in zip(one, again, strict=True))


def _noise(shop: Workshop, place: Place, round: int = 1, attempt: int = 1) -> np.ndarray:
    """Return what a round adds to the model beside what it is at no noise, which starts alike."""
    found = train(shop, place, order_of(shop, round, attempt), {}, f"{round}.{attempt}")
    return np.concatenate([b.ravel() for b in found.report.channels["model"].tree.buffers.values()])


def _moved(shop: Workshop) -> Value:
    tree = order_of(shop).channels["model"].tree
    return Value(tree.map(lambda b: np.nextafter(b, np.inf, dtype=b.dtype)))


def test_no_noise_follows_from_what_is_known(tmp_path: Path) -> None:
    dp = {"name": "example", "noise": 3.0, "norm": 1e-3}
    first = place_of(tmp_path, secret=b"\1" * 32)
    shop = shop_of(dp, rate=1e3)
    start = np.concatenate([b.ravel() for b in order_of(shop).channels["model"].tree.buffers.values()])
    base = _noise(shop, first) - start
    scale = float(np.abs(base).mean())
    moved = replace(order_of(shop), channels={**order_of(shop).channels, "model": _moved(shop)})
    nudged = train(shop, first, moved, {}, "1.1").report.channels["model"].tree.buffers["float32"]
    others = [
        _noise(shop, place_of(tmp_path, secret=b"\2" * 32)),
        _noise(shop, first, attempt=2),
        _noise(shop, first, round=2),
        _noise(shop, place_of(tmp_path, secret=b"\1" * 31 + b"\0")),
        nudged,  # of a model that differs in a last digit, asked for in the same attempt
    ]
    for other in others:
        assert float(np.abs(other - start).mean()) > 0.5 * scale
        assert abs(np.corrcoef(base, other - start)[0, 1]) < 0.4
    assert not first.secrets.simulated


def test_the_noise_of_a_step_has_its_variance(tmp_path: Path) -> None:
    z, c, expected, rate = 2.0, 0.01, 8, 1.0
    shop = shop_of({"name": "example", "noise": z, "norm": c}, rate=rate, model="dense")
    start = order_of(shop).channels["model"].tree.buffers["float32"]
    moves = [
        (_noise(shop, place_of(tmp_path), attempt=attempt) - start) / (rate * c * z / expected)
        for attempt in range(1, 41)
    ]
    drawn = np.stack(moves) / 3**0.5  # three steps in a round
    # clipped gradients move all of it by at most 8 c / 8 a step beside noise of z c √387 / 8
    spread = float(np.square(drawn - drawn.mean(0)).sum() / (39 * drawn.shape[1]))
    assert abs(spread - 1) < 0.03


def test_what_leaves_does_not_tell_of_the_data(tmp_path: Path) -> None:
    dp = {"name": "example", "noise": 1.0}
    for release, names in (("", {"examples", "steps"}), ("examples, loss", {"examples", "steps", "loss"})):
        shop, place = shop_of({**dp, "release": release}), place_of(tmp_path)
        found = train(shop, place, order_of(shop), {}, "1.1").report
        assert set(found.scalars) == names
        assert found.scalars["examples"] == (20 if release else 1)
        shop.contract(3).check(found)
    with pytest.raises(ContractError, match="number 'loss' is in no contract"):
        shop_of(dp).contract(3).check(found)


def test_sites_are_trained_one_by_one(tmp_path: Path) -> None:
    shop = shop_of({"name": "example", "noise": 1.0})
    reason = why_not(shop, place_of(tmp_path))
    assert reason is not None and "differential privacy draws and clips every site's own units" in reason


@pytest.mark.slow
def test_the_noise_for_a_target_falls_with_it(tmp_path: Path) -> None:
    found = []
    for epsilon in (1.0, 8.0):
        shop = shop_of({"name": "example", "epsilon": epsilon, "accountant": "rdp"})
        trained = train(shop, place_of(tmp_path), order_of(shop), {}, "1.1")
        assert trained.spend is not None
        found.append(trained.spend.noise)
    assert found[0] > 2 * found[1] > 0.1
