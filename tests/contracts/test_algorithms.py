"""The equivalences of section 6.4 of the fact sheet, for every algorithm."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cases import World
from test_equivalences import Reordered, final, weights

from isofed import seeds
from isofed.client import workshop
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.files import load_state
from isofed.simulations import federation as federations
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.strategies.local import rectify
from isofed.strategies.named.banks import BASES
from isofed.tasks import TASKS
from isofed.tasks.task import Samples
from isofed.trees import Tree

pytestmark = pytest.mark.usefixtures("kept_reports")

Worlds = Callable[[str], World]
FEDAVG: Mapping[str, Any] = {"name": "fedavg"}
FRESH: Mapping[str, Any] = {"keep_momentum": False}
MATCHED = ("cgpr", "l2rwplus")
EVERYWHERE = [(name, "camera") for name in (*BASES, "dppt", *MATCHED)] + [
    (name, "camera_strict")
    for name in (*BASES, *MATCHED)  # dppt is refused there: see test_strict.py
]
every_base = pytest.mark.parametrize("base", BASES)


def fresh(name: str) -> Mapping[str, Any]:
    """Return the task's options without which a strategy is refused."""
    return FRESH if name == "fednova" else {}


def leaves(federation: Federation) -> dict[str, np.ndarray]:
    """Return the final global model and running statistics by name."""
    return {key: array for tree in final(federation).trees.values() for key, array in tree.items()}


def same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return set(one) == set(other) and all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "switch"), [("fedprox", "mu"), ("moon", "mu")])
@pytest.mark.parametrize("task", ["reid", "batch_loss"])
def test_a_weight_of_zero_is_fedavg(
    task: str, name: str, switch: str, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds(task)
    plain = weights(world.federation(tmp_path / "a", FEDAVG))
    assert weights(world.federation(tmp_path / "b", {"name": name, switch: 0.0})) == plain
    some = world.federation(tmp_path / "c", {"name": name})
    run(some, Pool(1))
    assert not same(leaves(some), leaves(world.federation(tmp_path / "a", FEDAVG)))


@pytest.mark.slow
@every_base
def test_the_bank_with_lambda_zero_is_its_base(base: str, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    plain = weights(world.federation(tmp_path / "a", {"name": base}, **fresh(base)))
    bank = {"name": "dppt", "base": base, "lam": 0.0}
    assert weights(world.federation(tmp_path / "b", bank, **fresh(base))) == plain
    assert weights(world.federation(tmp_path / "c", {**bank, "lam": 1.0}, **fresh(base))) != plain


@pytest.mark.parametrize("name, level", [(name, level) for name, level in EVERYWHERE if name not in BASES])
def test_the_first_round_of_every_bank_is_fedavgs(
    name: str, level: str, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds("reid") if level == "camera" else worlds("reid").strict
    plain = weights(world.federation(tmp_path / "a", FEDAVG, rounds=1))
    with_bank = world.federation(tmp_path / "b", {"name": name}, rounds=1)
    assert weights(with_bank) == plain
    assert any(table.counts.any() for table in final(with_bank).tables.values())


def test_moon_waits_for_the_second_round(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid")
    one, plain = (world.federation(tmp_path / name, {"name": name}, rounds=1) for name in ("moon", "fedavg"))
    run(one, Pool(1))
    run(plain, Pool(1))
    assert same(leaves(one), leaves(plain))


def shortened(monkeypatch: pytest.MonkeyPatch, site: str, images: int) -> None:
    """Let one site hold only its first images."""
    layout = TASKS["reid"].layouts["sysu"]

    def open_train(root: Path, name: str, cache: Path, options: Any) -> Samples:
        samples = layout.open_train(root, name, cache, options)
        if name != site:
            return samples
        return Samples(samples.inputs[:images], samples.labels[:images], samples.domains[:images])

    monkeypatch.setitem(TASKS["reid"].layouts, "sysu", replace(layout, open_train=open_train))  # type: ignore[index]


def test_fednova_is_fedavg_while_all_take_equally_many_steps(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites = ("cam1", "cam2", "cam3")

    def both(folder: str) -> tuple[dict[str, Any], dict[str, Any], set[int]]:
        # homes of its own: what a site holds is opened once for a home
        world = replace(worlds("reid"), home=tmp_path / folder / "homes")
        made = [
            world.federation(tmp_path / folder / name, {"name": name}, sites, 1, **FRESH)
            for name in ("fedavg", "fednova")
        ]
        steps = [run(federation, Pool(1))["history"][-1]["steps"] for federation in made]
        assert steps[0] == steps[1]
        return leaves(made[0]), leaves(made[1]), set(steps[0].values())

    fedavg, fednova, steps = both("equal")
    assert len(steps) == 1
    for key, array in fedavg.items():
        if array.dtype.kind == "f":
            np.testing.assert_array_max_ulp(array, fednova[key], 1)
    shortened(monkeypatch, "cam2", 20)
    fedavg, fednova, steps = both("unequal")
    assert len(steps) == 2
    apart = [key for key, a in fedavg.items() if not np.allclose(a, fednova[key], rtol=1e-5, atol=1e-7)]
    assert "head.weight" in apart
    # running statistics are averaged as in FedAvg
    assert not [key for key in apart if "running" in key or "tracked" in key]


@pytest.mark.parametrize("name", [*BASES, "dppt", *MATCHED])
def test_with_one_client_every_rule_is_local_training(name: str, worlds: Worlds, tmp_path: Path) -> None:
    world, site = worlds("reid"), "cam3"
    federation = world.federation(tmp_path, {"name": name}, (site,), **fresh(name))
    run(federation, Pool(1))
    _, stored = load_state(federation.memory(site) / "2.1.state", "the last version")
    for group, tree in final(federation).trees.items():
        sent = stored[f"r/{group}"]
        assert isinstance(sent, Tree)
        assert same(dict(tree.items()), dict(sent.items()))


def twins(monkeypatch: pytest.MonkeyPatch, one: str, other: str) -> None:
    """Let a site hold the same images as another and draw the same numbers."""
    key, opened = seeds.public_key, Workshop._open_train

    def public_key(seed: int, round: int, site: str, purpose: str) -> int:
        return key(seed, round, one if site == other else site, purpose)

    def open_train(self: Workshop, place: Place) -> Any:
        return opened(self, replace(place, site=one) if place.site == other else place)

    monkeypatch.setattr(seeds, "public_key", public_key)
    monkeypatch.setattr(workshop, "public_key", public_key)
    monkeypatch.setattr(Workshop, "_open_train", open_train)


@pytest.mark.parametrize("name, level", EVERYWHERE)
def test_two_identical_clients_are_one(
    name: str, level: str, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("reid") if level == "camera" else worlds("reid").strict
    world = replace(world, home=tmp_path / "homes")
    one = world.federation(tmp_path / "one", {"name": name}, ("cam1",), **fresh(name))
    run(one, Pool(1))
    twins(monkeypatch, "cam1", "cam2")
    two = world.federation(tmp_path / "two", {"name": name}, ("cam1", "cam2"), **fresh(name))
    run(two, Pool(1))
    assert same(leaves(one), leaves(two))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["moon", "fednova", *MATCHED])
def test_who_replies_first_leaves_no_trace(
    name: str, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = worlds("reid").strict if name in MATCHED else worlds("reid")
    plain = weights(world.federation(tmp_path / "a", {"name": name}, **fresh(name)))
    monkeypatch.setattr(federations, "LocalGrid", Reordered)
    assert weights(world.federation(tmp_path / "b", {"name": name}, **fresh(name))) == plain


def test_over_nobody_the_mixed_term_is_a_penalty_on_lengths(
    worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, float]] = []
    mixed = rectify.LOSSES["mixed"]

    def heard(features: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = mixed(features, targets)
        seen.append((loss.item(), 0.5 * features.detach().double().square().mean().item() + 0.5))
        return loss

    monkeypatch.setitem(rectify.LOSSES, "mixed", heard)
    world = worlds("reid")
    bank = {"name": "dppt", "loss": "mixed", "normalise": False, "over": "nobody"}
    federation = world.federation(tmp_path, bank, ("cam1", "cam4"), rounds=1)
    run(federation, Pool(1))
    assert seen == []
    federation = world.federation(tmp_path / "two", bank, ("cam1", "cam4"), rounds=2)
    steps = run(federation, Pool(1))["history"][-1]["steps"]
    assert len(seen) == sum(steps.values())
    found, wanted = np.array(seen).T
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert np.ptp(wanted) > 0
    assert not final(federation).tables["centres"].values.any()


def test_a_run_of_moon_cut_short_ends_with_the_same_bits(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("batch_loss")
    whole = weights(world.federation(tmp_path / "a", {"name": "moon"}, rounds=3))

    def kill(name: str, **fields: Any) -> None:
        if name == "round_done" and fields["round"] == 2:
            raise KeyboardInterrupt

    cut = world.federation(tmp_path / "b", {"name": "moon"}, rounds=3)
    with pytest.raises(KeyboardInterrupt):
        run(cut, Pool(1), kill)
    assert not cut.done and weights(cut) == whole
    assert json.loads((tmp_path / "b" / "result.json").read_text())["weights_sha256"] == whole
