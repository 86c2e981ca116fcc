"""Evaluation at the sites, for every recipe that keeps a part there: what leaves, what is left as it was."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cases import World

from isofed.client import app as apps
from isofed.client import ledger
from isofed.client import own as client_own
from isofed.client.memory import Memory
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError, ConfigError, ContractError, RoundError
from isofed.events import OWN
from isofed.records import Order, Value
from isofed.server.own import together
from isofed.simulations.federation import Federation, run
from isofed.simulations.grid import Node
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES
from isofed.strategies.share import TRAVELLING
from isofed.tasks import TASKS
from isofed.trees import from_arrays

Worlds = Callable[[str], World]
SHARE = 0.3
PERSONAL = ("fedbn", "fedper", "fedrep", "fedbabu", "lgfedavg", "fedproto", "ditto", "apfl", "pfedme")
SLOW = pytest.mark.slow
KEPT: list[Any] = [("two_outputs", name) for name in PERSONAL if name != "fedproto"]
KEPT += [("reid", name) if name == "fedbn" else pytest.param("reid", name, marks=SLOW) for name in PERSONAL]


def asked(world: World, folder: Path, strategy: str, every: int = 1, **more: Any) -> Federation:
    """Return a federation that holds samples out."""
    task = {"momentum": 0.0} if world.name == "reid" and "plain_sgd" in STRATEGIES[strategy]().needs else {}
    federation = world.federation(folder, {"name": strategy}, **task)
    return replace(federation, cfg={**federation.cfg, "holdout": SHARE, "evaluate_every": every, **more})


def fits(world: World, strategy: str) -> bool:
    """Say whether a task can give what the strategy needs."""
    training = world.task.training
    assert training is not None
    plain = ("plain_sgd",) if world.name == "reid" else ()
    return STRATEGIES[strategy]().needs <= {*training.capabilities, "head", *plain} | {"classes"}


def known(strategy: str) -> None:
    if strategy not in STRATEGIES:
        pytest.skip(f"there is no {strategy} yet")


@pytest.mark.parametrize(("task", "strategy"), KEPT)
def test_every_site_is_measured_and_training_does_not_notice(
    task: str, strategy: str, worlds: Worlds, tmp_path: Path
) -> None:
    known(strategy)
    world = worlds(task)
    if not fits(world, strategy):
        pytest.skip("the task does not give what the strategy needs")
    often = run(asked(world, tmp_path / "often", strategy), Pool(1))
    seldom = run(asked(world, tmp_path / "seldom", strategy, every=0), Pool(1))
    assert often["weights_sha256"] == seldom["weights_sha256"]
    assert often["history"][-1]["metrics"] == seldom["history"][-1]["metrics"]
    for entry in often["history"]:
        own = entry["metrics"][OWN]
        assert set(own["sites"]) == set(world.sites) and own == together(own["sites"])
        assert all(0 <= v <= 1 for measures in own["sites"].values() for v in measures.values())


@pytest.mark.slow
@pytest.mark.parametrize("task", ["two_outputs", "no_labels", "batch_loss", "reid", "vein", "micro_gesture"])
def test_a_whole_model_is_measured_by_the_evaluator_and_at_the_sites(
    task: str, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds(task)
    result = run(asked(world, tmp_path, "fedavg"), Pool(1))
    for entry in result["history"]:
        assert {"mean", "spread", OWN} <= set(entry["metrics"])


def test_what_is_held_out_is_never_trained_on(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, seen = worlds("two_outputs"), list[np.ndarray]()
    training = world.task.training
    assert training is not None

    def transform(samples: Any, images: Any, *args: Any) -> Any:
        seen.append(samples.inputs[images])
        return training.transform(samples, images, *args)

    monkeypatch.setitem(
        TASKS, "two_outputs", replace(world.task, training=replace(training, transform=transform))
    )
    federation = asked(world, tmp_path, "fedavg")
    run(federation, Pool(1))
    shop = Workshop.of(json.dumps(federation.cfg))
    for site in world.sites:
        held = shop.held_out(place_of(federation, site))
        rows = {row.tobytes() for row in held.inputs[np.arange(len(held))]}
        assert len(rows) == 9  # three of ten in each of three classes
        assert not rows & {row.tobytes() for batch in seen for row in batch}


def place_of(federation: Federation, site: str) -> Place:
    return Place.of(federation.nodes()[site].config)


def order_of(shop: Workshop, base: str = "", round: int = 2) -> Order:
    channels = {group: Value(shop.trees[group].numpy()) for group in TRAVELLING}
    return Order("test", round, 1, base, shop.setting.digest, channels)


@pytest.fixture
def trained(worlds: Worlds, tmp_path: Path) -> Callable[..., tuple[Federation, Workshop, Place]]:
    """Return (strategy, task) to a federation that ended, a fresh workshop of it, and its first site."""

    def made(strategy: str, task: str = "two_outputs") -> tuple[Federation, Workshop, Place]:
        federation = asked(worlds(task), tmp_path / strategy, strategy)
        run(federation, Pool(1))
        return federation, Workshop.of(json.dumps(federation.cfg)), place_of(federation, federation.sites[0])

    return made


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("strategy", ["fedbn", "fedbabu"])
def test_measuring_repeats_to_the_bit_and_writes_no_memory(strategy: str, trained: Any) -> None:
    known(strategy)
    _, shop, place = trained(strategy)
    memory, before = Memory(place.memory), files(place.memory)
    order = order_of(shop, "2.1")
    found = [client_own.measure(shop, place, order, memory.load("2.1")) for _ in range(2)]
    models = [tree.numpy() for tree in shop.trees.values()]
    client_own.measure(shop, place, order, memory.load("2.1"))
    again = [tree.numpy() for tree in shop.trees.values()]
    assert found[0] == found[1] and files(place.memory) == before
    assert all(np.array_equal(a[n], b[n]) for a, b in zip(models, again, strict=True) for n in a)


def measured_model(shop: Workshop, place: Place, order: Order, memory: Any) -> dict[str, torch.Tensor]:
    """Return the model that a site measures."""
    client_own.measure(shop, place, order, memory)
    return {name: value.clone() for name, value in shop.model.state_dict().items()}


def test_the_model_is_the_orders_with_what_the_site_keeps(trained: Any) -> None:
    known("fedbn")
    _, shop, place = trained("fedbn")
    order, memory = order_of(shop, "2.1"), Memory(place.memory).load("2.1")
    found = measured_model(shop, place, order, memory)
    for name, value in order.channels["model"].tree.items():
        assert np.array_equal(found[name], value)
    kept: Any = {**dict(memory["own"].items()), **dict(memory["own_buffers"].items())}
    assert any("running_mean" in name for name in kept)
    assert all(np.array_equal(found[name], value) for name, value in kept.items())


def test_fine_tuning_before_use_moves_the_measured_copy_alone(trained: Any) -> None:
    known("fedbabu")
    _, shop, place = trained("fedbabu")
    order, memory = order_of(shop, "2.1"), Memory(place.memory).load("2.1")
    kept: Any = dict(memory["own"].items())
    found = measured_model(shop, place, order, memory)
    # the head was never trained, and now it is
    assert all(not np.array_equal(found[name], value) for name, value in kept.items())
    same = client_own.measure(shop, place, order, memory)
    other = client_own.measure(shop, place, replace(order, round=1), memory)
    assert same == client_own.measure(shop, place, order, memory) and set(other) == set(same)


def test_a_model_of_the_sites_own_takes_the_place_of_the_global_one(worlds: Worlds, tmp_path: Path) -> None:
    known("ditto")
    federation = asked(worlds("two_outputs"), tmp_path, "ditto")
    shop, place = Workshop.of(json.dumps(federation.cfg)), place_of(federation, federation.sites[0])
    term = shop.setting.recipe.personal
    assert term is not None
    names = [name for name, _ in shop.model.named_parameters()]
    own = from_arrays({n: np.full(shop.model.state_dict()[n].shape, 0.25, np.float32) for n in names})
    before = measured_model(shop, place, order_of(shop), {})
    found = measured_model(shop, place, order_of(shop), {f"term.{term.name}": own})
    assert all((found[name] == 0.25).all() for name in names)
    assert any((before[name] != 0.25).any() for name in names)


def test_nothing_leaves_but_the_agreed_sums(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, left = worlds("reid"), list[Any]()
    plain = apps.on_evaluate

    def evaluate(*args: Any) -> Any:
        left.append((args[1].role, plain(*args)))
        return left[-1][1]

    monkeypatch.setattr(apps, "on_evaluate", evaluate)
    app = apps.client_app()
    monkeypatch.setattr("isofed.simulations.grid._app", lambda: app)
    federation = asked(world, tmp_path, "fedavg")
    run(federation, Pool(1))
    own = [content for role, content in left if role == "trainer"]
    assert len(own) == 3 * len(world.sites)
    for content in own:
        assert list(content) == ["statistics"]
        assert list(content["statistics"]) == ["images", "nearest", "right"]
        assert all(float(value).is_integer() for value in content["statistics"].values())
    for site in world.sites:
        found = ledger.summed(federation.memory(site).parent / "left.jsonl")
        assert found[ledger.MEASURED] == {"kind": "statistics", "bytes": 72, "messages": 3}
        assert found["model"]["messages"] == 2 and "loss" in found["scalars"]


@pytest.mark.parametrize("odd", [{"points": 1.0, "right": 0.0, "cam1/0004.jpg": 1.0}, {"points": 1.0}])
def test_other_statistics_do_not_leave(
    odd: Mapping[str, float], worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("two_outputs")
    assert world.task.own is not None
    own = replace(world.task.own, measure=lambda *args: odd)
    monkeypatch.setitem(TASKS, "two_outputs", replace(world.task, own=own))
    with pytest.raises(
        RoundError, match=r"0 sites of the 2 that are needed have measured; right: .*statistic '"
    ):
        run(asked(world, tmp_path, "fedavg"), Pool(1))


def test_sites_that_hold_nothing_out_measure_nothing(worlds: Worlds, tmp_path: Path) -> None:
    federation = asked(worlds("two_outputs"), tmp_path, "fedavg", holdout=0.0)
    shop, nodes = Workshop.of(json.dumps(federation.cfg)), federation.nodes()
    place = Place.of(nodes[federation.sites[0]].config)
    message: Any = None
    with pytest.raises(ContractError, match="is trainer, but the order is for role evaluator"):
        apps.on_evaluate(shop, place, message, message)
    assert isinstance(nodes["evaluator"], Node)
    assert OWN not in run(federation, Pool(1))["history"][-1]["metrics"]


def test_a_holdout_of_zero_changes_no_bit(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    plain = world.federation(tmp_path / "plain", {"name": "fedbn"})
    zero = asked(world, tmp_path / "zero", "fedbn", holdout=0.0)
    held = asked(world, tmp_path / "held", "fedbn")
    digests = [Workshop.of(json.dumps(f.cfg)).setting.digest for f in (plain, zero, held)]
    assert digests[0] == digests[1] != digests[2]
    shas = [run(f, Pool(1))["weights_sha256"] for f in (plain, zero, held)]
    assert shas[0] == shas[1] != shas[2]


@pytest.mark.parametrize(("share", "kind"), [(-0.1, ConfigError), (0.6, ConfigError)])
def test_other_shares_are_refused(
    share: float, kind: type[Exception], worlds: Worlds, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=r"'holdout' is .*, but must lie between 0 and 0\.5"):
        run(asked(worlds("two_outputs"), tmp_path, "fedavg", holdout=share), Pool(1))


def test_a_task_that_measures_nothing_at_a_site_is_refused(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("two_outputs")
    monkeypatch.setitem(TASKS, "two_outputs", replace(world.task, own=None))
    with pytest.raises(CompositionError, match=r"measures nothing at a site.*write holdout=0"):
        run(asked(world, tmp_path, "fedavg"), Pool(1))


def test_private_heads_are_measured_under_their_own_numbers(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid").strict
    entry = run(asked(world, tmp_path, "fedavg"), Pool(1))["history"][-1]
    assert set(entry["metrics"][OWN]["sites"]) == set(world.sites)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    one = run(asked(world, tmp_path / "one", "fedbabu"), Pool(1))
    pool = Pool.start(2, 1)
    try:
        two = run(asked(world, tmp_path / "two", "fedbabu"), pool)
    finally:
        pool.stop()
    for key in ("weights_sha256",):
        assert one[key] == two[key]
    assert [e["metrics"] for e in one["history"]] == [e["metrics"] for e in two["history"]]
