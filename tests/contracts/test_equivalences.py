"""Federations that must end with the same bits, and what a site does when something goes wrong."""

import functools
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cases import World
from cut_short import cut_at_event
from flwr.app import Error, Message, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents

from isofed import seeds
from isofed.client import turns
from isofed.client.memory import Memory, version_of
from isofed.client.place import Place
from isofed.client.train import train
from isofed.client.workshop import Workshop
from isofed.errors import RoundError
from isofed.records import Order, Value
from isofed.server.loop import Patience
from isofed.server.state import Checkpoints
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, first_state, run
from isofed.simulations.grid import LocalGrid, handle
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES
from isofed.strategies.recipe import Recipe
from isofed.strategies.share import without
from isofed.trees import Tree

Worlds = Callable[[str], World]
FEDAVG: Mapping[str, Any] = {"name": "fedavg"}
DPPT: Mapping[str, Any] = {"name": "dppt"}
sites_of = pytest.mark.parametrize("name", ["reid", "batch_loss"])


def weights(federation: Federation, pool: Pool | None = None) -> str:
    return str(run(federation, pool or Pool(1))["weights_sha256"])


def final(federation: Federation) -> Any:
    shop = Workshop.of(json.dumps(federation.cfg))
    return Checkpoints(federation.folder / "checkpoints", shop.setting.digest).latest(first_state(shop))


@sites_of
def test_lambda_zero_is_fedavg(name: str, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds(name)
    plain = weights(world.federation(tmp_path / "a", FEDAVG))
    assert weights(world.federation(tmp_path / "b", {**DPPT, "lam": 0.0})) == plain
    assert weights(world.federation(tmp_path / "c", DPPT)) != plain


@sites_of
def test_the_first_round_with_the_bank_is_one_without(name: str, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds(name)
    with_bank = world.federation(tmp_path / "b", DPPT, rounds=1)
    assert weights(with_bank) == weights(world.federation(tmp_path / "a", FEDAVG, rounds=1))
    assert final(with_bank).tables["centres"].counts.any()


def bare(world: World, site: str, rounds: int, seed: int = 3) -> tuple[Any, Any]:
    """Train one site by hand, with torch alone."""
    task, options = world.task, world.options
    training: Any = task.training
    samples = world.samples(site)
    weights = torch.Generator().manual_seed(seeds.public_key(seed, 0, "", "model") % 2**63)
    model = task.model(options, weights)
    optimiser = training.optimiser(model, options)
    peaks = [group["lr"] for group in optimiser.param_groups]
    for number in range(1, rounds + 1):
        order = seeds.public(seed, number, site, "batches")
        change = seeds.public(seed, number, site, "augmentation")
        model.train()
        steps = training.sample(samples, options, order)
        for step, images in enumerate(steps):
            factor = training.rate(number - 1 + step / len(steps), rounds, options)
            for group, peak in zip(optimiser.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            batch = training.transform(samples, images, options, change, "cpu")
            loss = training.loss(model(batch.inputs), batch.labels, options)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return model, optimiser


@pytest.mark.parametrize(
    "strategy", [FEDAVG, {"name": "fedavg", "count": "full_batches"}], ids=["images", "full"]
)
@pytest.mark.parametrize("name", ["reid", "two_outputs", "no_labels", "batch_loss"])
def test_one_client_is_a_bare_loop(
    name: str, strategy: Mapping[str, Any], worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds(name)
    site = world.sites[0]
    federation = world.federation(tmp_path, strategy, (site,), rounds=3)
    run(federation, Pool(1))
    state = final(federation)
    found = {key: array for tree in state.trees.values() for key, array in tree.items()}
    model, optimiser = bare(world, site, 3)
    wanted = model.state_dict()
    assert set(found) == set(wanted)
    assert [key for key, value in wanted.items() if not np.array_equal(found[key], value.numpy())] == []
    kept = Memory(federation.memory(site)).load(state.versions[site])["optimiser"]
    for key, parameter in model.named_parameters():
        momentum = optimiser.state[parameter]["momentum_buffer"]
        assert np.array_equal(kept[f"momentum_buffer/{key}"], momentum.numpy())


class Reordered(LocalGrid):
    """Handles everything at once, and hands the replies out two by two, the last first."""

    late: tuple[Message, ...] = ()

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        while self._queued:
            self.late = (*self.late, *super().pull_messages(message_ids))
        news, self.late = self.late[-2:], self.late[:-2]
        return news


class Serialising(LocalGrid):
    """Takes every message apart and together again, as a SuperLink does."""

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        return super().push_messages([self._carried(message) for message in messages])

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        return [self._carried(reply) for reply in super().pull_messages(message_ids)]

    def _carried(self, message: Message) -> Message:
        stored = {key: part.deflate() for key, part in get_all_nested_objects(message.content).items()}
        content: Any = inflate_object_from_contents(message.content.object_id, stored)
        message.content = content
        return message


class Repeating(LocalGrid):
    """Delivers every message three times, with nothing of Flower's state kept, and takes the last reply."""

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        for message in list(self._queued.values()):
            for _ in range(2):
                handle(self._cfg, self._nodes[message.metadata.dst_node_id], RecordDict(), message)
        return super().pull_messages(message_ids)


@pytest.mark.slow
@pytest.mark.parametrize("grid", [Reordered, Serialising, Repeating])
@sites_of
def test_the_road_leaves_no_trace(
    name: str, grid: Any, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds(name)
    plain = weights(world.federation(tmp_path / "a", DPPT))
    monkeypatch.setattr(federations, "LocalGrid", grid)
    assert weights(world.federation(tmp_path / "b", DPPT)) == plain


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_workers_leave_no_trace(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    plain = weights(world.federation(tmp_path / "a", DPPT))
    pool = Pool.start(2, 1)
    try:
        assert weights(world.federation(tmp_path / "b", DPPT), pool) == plain
    finally:
        pool.stop()


def losing(times: int) -> Any:
    """Return a grid that loses the last site's first ``times`` reports of round 2 on their way."""
    left = [times]

    class Losing(LocalGrid):
        def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
            replies = list(super().pull_messages(message_ids))
            for reply in replies:
                last = reply.metadata.src_node_id == max(self._nodes) - 1
                if left[0] and last and reply.metadata.group_id == "2":
                    left[0] -= 1
                    reply.__dict__.update(_content=None, _error=Error(0, "lost on the way"))
            return replies

    return Losing


def test_a_failed_round_is_tried_again_from_the_committed_memory(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("batch_loss")
    plain = weights(world.federation(tmp_path / "a", DPPT))
    monkeypatch.setattr(federations, "Patience", functools.partial(Patience, attempts=2))
    monkeypatch.setattr(federations, "LocalGrid", losing(1))
    again = world.federation(tmp_path / "b", DPPT)
    assert weights(again) == plain
    assert set(final(again).versions.values()) == {"2.2"}
    monkeypatch.setattr(federations, "LocalGrid", losing(2))
    with pytest.raises(RoundError, match="lost on the way"):
        run(world.federation(tmp_path / "c", DPPT), Pool(1))
    noted = json.loads((tmp_path / "c" / "attempt.json").read_text())
    before = {"round": 1, "attempt": 1, "failed": False}
    assert noted == {"round": 2, "attempt": 2, "failed": True, "before": before}
    # a resumed run begins a third attempt, from the memory of round 1 that every site still has
    assert weights(world.federation(tmp_path / "c", DPPT)) == plain
    assert set(final(world.federation(tmp_path / "c", DPPT)).versions.values()) == {"2.3"}


@pytest.mark.parametrize("event", range(8))
def test_a_run_cut_short_ends_with_the_same_bits(event: int, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("batch_loss")
    cut_at_event(world.federation(tmp_path / "b", DPPT), event)
    assert weights(world.federation(tmp_path / "b", DPPT)) == weights(world.federation(tmp_path / "a", DPPT))


def test_a_private_head_stays_and_goes_on(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("two_outputs")
    monkeypatch.setitem(STRATEGIES, "own_head", lambda: Recipe("own_head()", share=without("layers.kind.")))
    shop = Workshop.of(json.dumps(world.cfg({"name": "own_head"})))
    place = Place("left", world.root, tmp_path / "home", tmp_path / "memory", "camera", 2)
    channels = {name: Value(tree) for name, tree in first_state(shop).trees.items()}
    first = Order("test", 1, 1, "", shop.setting.digest, channels)
    one = train(shop, place, first, {}, version_of(first))
    assert not any(name.startswith("layers.kind.") for name in one.report.channels["model"].tree)  # type: ignore[union-attr]
    shop.contract(shop.classes(place)).check(one.report)
    own = one.sections["own"]
    assert isinstance(own, Tree) and set(own) == {"layers.kind.weight", "layers.kind.bias"}
    start = shop.initial["own"]
    assert not np.array_equal(own["layers.kind.weight"], start["layers.kind.weight"])
    second = replace(first, round=2, base="1.1")
    with_memory, again, without_memory = (
        train(shop, place, second, memory, "2.1").sections["own"]
        for memory in (one.sections, one.sections, {})
    )
    assert np.array_equal(with_memory["layers.kind.weight"], again["layers.kind.weight"])
    assert not np.array_equal(with_memory["layers.kind.weight"], without_memory["layers.kind.weight"])


def spoilt(world: World, folder: Path) -> World:
    shutil.copytree(world.root, folder / "data")
    return replace(world, root=folder / "data", home=folder / "homes")


def test_a_site_with_nan_sends_nothing_and_says_so(worlds: Worlds, tmp_path: Path) -> None:
    world = spoilt(worlds("batch_loss"), tmp_path)
    found = dict(np.load(world.root / "left.npz"))
    np.savez(world.root / "left.npz", **{**found, "inputs": found["inputs"] * np.float32("nan")})
    federation = world.federation(tmp_path / "run", FEDAVG)
    with pytest.raises(RoundError) as error:
        run(federation, Pool(1))
    assert str(error.value) == (
        "round 1 got 1 usable reports of the 2 it needs (left: channel 'model' holds NaN or infinite values; "
        "lower the learning rate)"
    )
    assert not list(federation.memory("left").parent.rglob("*"))
    assert final(federation).round == 0


def test_a_foreign_error_stays_at_the_site(worlds: Worlds, tmp_path: Path) -> None:
    world = spoilt(worlds("batch_loss"), tmp_path)
    (world.root / "left.npz").unlink()
    with pytest.raises(RoundError) as error:
        run(world.federation(tmp_path / "run", FEDAVG), Pool(1))
    assert "left: unexpected FileNotFoundError; see errors.log in the site's folder" in str(error.value)
    assert str(tmp_path) not in str(error.value)
    assert "left.npz" in (world.home / "left" / "errors.log").read_text()


def test_a_site_of_another_configuration_refuses(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("batch_loss")
    other = json.dumps(world.cfg(FEDAVG, rate=0.125))
    monkeypatch.setattr(
        federations, "LocalGrid", functools.partial(lambda nodes, cfg, *rest: LocalGrid(nodes, other, *rest))
    )
    with pytest.raises(RoundError, match="the order comes from another configuration"):
        run(world.federation(tmp_path, FEDAVG), Pool(1))


@pytest.mark.usefixtures("kept_reports")
def test_a_site_that_keeps_its_reports_trains_once_for_an_attempt(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[str, str]] = []

    def counted(shop: Any, place: Place, order: Order, memory: Any, version: str) -> Any:
        trained.append((place.site, version))
        return train(shop, place, order, memory, version)

    monkeypatch.setattr(turns, "train", counted)
    monkeypatch.setattr(federations, "LocalGrid", Repeating)
    run(worlds("batch_loss").federation(tmp_path, DPPT), Pool(1))
    assert trained == [(site, version) for version in ("1.1", "2.1") for site in ("left", "right")]
    lines = (tmp_path / "sites" / "left" / "left.jsonl").read_text().split()
    assert len([line for line in lines if line == '{"round":']) == 2
