"""Strict cameras: private numbers, heads of each site's own width, tables for each site alone."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import World
from flwr.app import Message
from flwr.common.serde import message_to_proto
from test_equivalences import final, weights

from isofed.client.evaluate import evaluate
from isofed.client.memory import Memory, version_of
from isofed.client.place import Place
from isofed.client.train import train
from isofed.client.workshop import Workshop
from isofed.contracts import MOST_ROWS
from isofed.errors import ContractError
from isofed.protocols import wire
from isofed.records import Order, Table, Value
from isofed.simulations import federation as federations
from isofed.simulations.federation import first_state, run
from isofed.simulations.grid import LocalGrid
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS
from isofed.tasks.task import Samples
from isofed.trees import Tree

Worlds = Callable[[str], World]
HELD = {"cam1": 8, "cam2": 5, "cam3": 6}  # identities of each site, all different
SITES = tuple(HELD)


@pytest.fixture
def world(worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose sites hold different numbers of identities."""
    layout = TASKS["reid"].layouts["sysu"]

    def open_train(root: Path, site: str, cache: Path, options: Any) -> Samples:
        samples = layout.open_train(root, site, cache, options)
        known = np.unique(samples.labels)[: HELD[site]]
        rows = np.flatnonzero(np.isin(samples.labels, known))
        return Samples(samples.inputs[rows], samples.labels[rows], samples.domains[rows])

    monkeypatch.setitem(TASKS["reid"].layouts, "sysu", replace(layout, open_train=open_train))  # type: ignore[index]
    return replace(worlds("reid").strict, home=tmp_path / "homes")


@dataclass(frozen=True)
class Listening:
    """Where a grid that hears all messages keeps their bytes."""

    heard: list[bytes]

    def __call__(self, *arguments: Any) -> LocalGrid:
        """Make the grid."""
        heard = self.heard

        class Grid(LocalGrid):
            def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
                found = list(messages)
                heard.extend(message_to_proto(message).SerializeToString() for message in found)
                return super().push_messages(found)

            def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
                found = list(super().pull_messages(message_ids))
                heard.extend(message_to_proto(message).SerializeToString() for message in found)
                return found

        return Grid(*arguments)


def kept(world: World, federation: Any, site: str) -> Any:
    """Return what a site remembers at the end."""
    return Memory(federation.memory(site)).load(final(federation).versions[site])


@pytest.mark.parametrize("strategy", ["fedavg", "fedprox", "moon", "cgpr"])
def test_heads_stay_as_wide_as_each_site_needs(
    strategy: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    monkeypatch.setattr(federations, "LocalGrid", Listening(heard))
    federation = world.federation(tmp_path / "run", {"name": strategy}, SITES)
    run(federation, Pool(1))
    names = {name for tree in final(federation).trees.values() for name in tree}
    assert names and not any(name.startswith("head.") for name in names)
    neck = final(federation).trees["model"]["neck.weight"].tobytes()
    assert len(heard) == 2 * (2 * len(SITES) + 3) and any(neck in message for message in heard)
    for site, classes in HELD.items():
        sections = kept(world, federation, site)
        head = sections["own"]["head.weight"]
        assert head.shape == (classes, 8)
        assert sections["optimiser"]["momentum_buffer/head.weight"].shape == (classes, 8)
        assert not any(row.tobytes() in message for message in heard for row in head)


def test_rows_leave_only_where_the_contract_says_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    monkeypatch.setattr(federations, "LocalGrid", Listening(heard))
    federation = world.federation(tmp_path / "run", {"name": "l2rwplus"}, SITES)
    run(federation, Pool(1))
    head = kept(world, federation, "cam2")["own"]["head.weight"]
    assert all(any(row.tobytes() in message for message in heard) for row in head)
    state = final(federation)
    for site, classes in HELD.items():
        for name in ("centres", "rows"):
            assert state.tables[f"{name}@{site}"].values.shape == (classes, 8)
        assert state.tables[f"rows@{site}"].counts.all()


@pytest.mark.parametrize("fewest, leave", [(4, True), (5, False)])
def test_rows_of_too_few_images_stay(fewest: int, leave: bool, world: World, tmp_path: Path) -> None:
    # every identity has four images at a camera
    careful = replace(world, protocol={**world.protocol, "min_images": fewest})
    federation = careful.federation(tmp_path / "run", {"name": "l2rwplus", "k": 100}, SITES, rounds=1)
    run(federation, Pool(1))
    for site in SITES:
        table = final(federation).tables[f"rows@{site}"]
        assert table.counts.any() == table.values.any() == leave


def place_of(world: World, site: str, **more: Any) -> Place:
    here = {"simulated": 3, "centres": "with_rows", **more}
    return Place(
        site, world.root, world.home / site, world.home / "memory" / site, "camera_strict", 2, **here
    )


def order_of(cfg: str, number: int, base: str, tables: dict[str, Any]) -> Order:
    """Return an order to train the untrained model, and these tables."""
    shop = Workshop.of(cfg)
    channels = {name: Value(tree) for name, tree in first_state(shop).trees.items()}
    return Order("test", number, 1, base, shop.setting.digest, {**channels, **tables})


def test_one_process_serves_sites_of_different_widths_as_processes_of_their_own(world: World) -> None:
    cfg = json.dumps(world.cfg({"name": "cgpr"}))
    one = Workshop.of(cfg)
    sections: dict[bool, dict[str, Any]] = {True: {}, False: {}}
    for number in (1, 2):
        for shared in (True, False):
            for site in SITES:
                shop = one if shared else Workshop.of(cfg)
                before = sections[shared].get(site, {})
                order = order_of(cfg, number, f"{number - 1}.1" if before else "", {})
                trained = train(shop, place_of(world, site), order, before, version_of(order))
                shop.contract(HELD[site]).check(trained.report)
                sections[shared][site] = trained.sections
    for site in SITES:
        together, alone = sections[True][site], sections[False][site]
        assert set(together) == set(alone) == {"optimiser", "own"}
        for name, tree in together.items():
            assert all(np.array_equal(array, alone[name][leaf]) for leaf, array in tree.items())


def test_the_evaluator_measures_the_same_in_a_process_that_served_sites(world: World, tmp_path: Path) -> None:
    federation = world.federation(tmp_path / "run", {"name": "fedavg"}, SITES)
    history = run(federation, Pool(1))["history"]
    fresh = Workshop.of(json.dumps(federation.cfg))
    channels = {name: Value(tree) for name, tree in final(federation).trees.items()}
    place = Place(
        "evaluator", world.root, world.home / "evaluator", tmp_path, "camera_strict", 2, "evaluator"
    )
    found = world.task.result(evaluate(fresh, place, channels))
    assert found["mean"] == history[-1]["metrics"]["mean"]


@pytest.mark.parametrize("strategy", ["cgpr", "l2rwplus"])
@pytest.mark.parametrize("event, number", [("round_done", 1), ("reply", 2)])
def test_a_run_cut_short_ends_with_the_same_bits(
    event: str, number: int, strategy: str, world: World, tmp_path: Path
) -> None:
    whole = weights(world.federation(tmp_path / "a", {"name": strategy}, SITES))

    def kill(name: str, **fields: Any) -> None:
        if name == event and fields["round"] == number:
            raise KeyboardInterrupt

    cut = world.federation(tmp_path / "b", {"name": strategy}, SITES)
    with pytest.raises(KeyboardInterrupt):
        run(cut, Pool(1), kill)
    assert weights(cut) == whole


def test_every_site_numbers_its_people_for_itself(world: World) -> None:
    cfg = json.dumps(world.cfg({"name": "fedavg"}))
    labels = {}
    for site, classes in HELD.items():
        layout = TASKS["reid"].layouts["sysu"]
        common = layout.open_train(world.root, site, world.home / site / "train", world.options).labels
        own, again = (Workshop.of(cfg).samples(place_of(world, site)).labels for _ in range(2))
        assert np.array_equal(own, again) and own.dtype == np.int64
        pairs = set(zip(common.tolist(), own.tolist(), strict=True))
        assert len(pairs) == classes and {number for _, number in pairs} == set(range(classes))
        labels[site] = [number for _, number in sorted(pairs)]
    assert any(numbers != sorted(numbers) for numbers in labels.values())


def test_a_real_sites_numbers_come_from_its_own_secret(world: World, tmp_path: Path) -> None:
    cfg = json.dumps(world.cfg({"name": "fedavg"}))
    found = []
    for home in ("one", "one", *(f"home{n}" for n in range(4))):
        place = replace(place_of(world, "cam1"), home=tmp_path / home, simulated=None)
        found.append(tuple(Workshop.of(cfg).samples(place).labels.tolist()))
        assert (tmp_path / home / "secret").stat().st_mode & 0o777 == 0o600
    assert found[0] == found[1] and len(set(found)) > 1


def test_an_order_with_another_sites_table_is_refused(world: World) -> None:
    cfg = json.dumps(world.cfg({"name": "cgpr"}))
    shop = Workshop.of(cfg)
    for site in SITES:
        table = Table(np.ones((HELD["cam1"], 8), np.float32), np.ones(HELD["cam1"], np.int64))
        content = wire.order_content(order_of(cfg, 2, "1.1", {"centres": table}))
        contract = shop.contract(shop.classes(place_of(world, site)))
        if site == "cam1":
            assert "centres" in wire.read_order(content, contract, ("model",)).channels
            continue
        with pytest.raises(ContractError, match=r"'table\.centres' differs from the contract"):
            wire.read_order(content, contract, ("model",))


@pytest.mark.parametrize("shape", [(6, 8), (4, 8), (5, 9)])
def test_a_report_with_another_number_of_rows_is_refused(shape: tuple[int, int], world: World) -> None:
    cfg, place = json.dumps(world.cfg({"name": "cgpr"})), place_of(world, "cam2")
    shop, order = Workshop.of(cfg), order_of(cfg, 1, "", {})
    report = train(shop, place, order, {}, version_of(order)).report
    shop.contract(HELD["cam2"]).check(report)
    table = Table(np.ones(shape, np.float32), np.full(shape[0], 4))
    other = replace(report, channels={**report.channels, "centres": table})
    with pytest.raises(ContractError, match=r"but the contract says \(5, 8\)"):
        shop.contract(HELD["cam2"]).check(other)


def test_the_server_takes_any_rows_but_not_without_bound(world: World) -> None:
    agreed: Any = Workshop.of(json.dumps(world.cfg({"name": "cgpr"}))).contract(None).channels["centres"]
    assert agreed.rows is None
    assert agreed.fits((1, 8)) and agreed.fits((MOST_ROWS, 8))
    assert not any(agreed.fits(shape) for shape in ((0, 8), (MOST_ROWS + 1, 8), (5, 9)))


def test_a_tree_of_own_is_no_part_of_the_first_state(world: World) -> None:
    shop = Workshop.of(json.dumps(world.cfg({"name": "cgpr"})))
    state = first_state(shop)
    assert set(state.trees) == {"model", "buffers"} and state.tables == {}
    assert all(isinstance(tree, Tree) for tree in state.trees.values())
    # a site's head begins as the seed says, whichever site the process served before
    heads = []
    for order in (SITES, SITES[::-1]):
        for site in order:
            shop.fit(place_of(world, site))
            heads.append((site, shop.initial["own"]["head.weight"].copy()))
    for site in SITES:
        one, other = (head for name, head in heads if name == site)
        assert np.array_equal(one, other)
