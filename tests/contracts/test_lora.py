"""LoRA with A fixed: the mean of what is sent is the mean of what it stands for, over a base nobody sends."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from arena import Played, Problem, build, gradient, loss, play, problems, tensors
from cases import World
from dummies import DUMMIES
from hypothesis import given, settings
from test_equivalences import final, weights

from isofed.client.memory import Memory
from isofed.client.opened import _workshop
from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import CheckpointError, ConfigError, RoundError
from isofed.records import Value
from isofed.seeds import public_key
from isofed.simulations import federation as federations
from isofed.simulations.federation import EVALUATOR, Federation, first_state, run
from isofed.simulations.grid import LocalGrid, Node
from isofed.simulations.pictures import gallery, projection
from isofed.simulations.pool import Pool
from isofed.tasks import TASKS

Worlds = Callable[[str], World]
LORA: Mapping[str, Any] = {"name": "lora", "rank": 2, "alpha": 3.0}
SCALE = 1.5
A, B = "body.lora_A", "body.lora_B"


# --- what is averaged


def fixed(played: Played) -> torch.Tensor:
    """Return A."""
    return tensors(played.shop.trees["base"].numpy())[A]


def change(model: Mapping[str, torch.Tensor], a: torch.Tensor) -> torch.Tensor:
    return SCALE * model[B] @ model.get(A, a)


def dense(problem: Problem, a: torch.Tensor, first: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """Play with plain matrices: a step on B is one on W along G AᵀA, and W itself is averaged."""
    w, total, rate = dict(first), sum(map(problem.examples, problem.sites)), problem.options.rate
    for round in range(1, problem.rounds + 1):
        mean = {name: torch.zeros_like(value) for name, value in w.items()}
        for site in problem.sites:
            local = dict(w)
            for x, y in problem.batches(site, round):
                g = gradient(local, lambda of, x=x, y=y: loss(of, x, y))
                local["body.weight"] = local["body.weight"] - rate * SCALE**2 * g["body.weight"] @ a.T @ a
                local["head.weight"] = local["head.weight"] - rate * g["head.weight"]
            for name, value in local.items():
                mean[name] += problem.examples(site) / total * value
        w = mean
    return w


@settings(max_examples=15)
@given(problem=problems())
def test_with_a_fixed_the_change_is_the_mean_of_dense_changes(problem: Problem) -> None:
    played = play(LORA, problem)
    draw = torch.Generator().manual_seed(public_key(5, 0, "", "model") % 2**63)
    first = {name: value.detach() for name, value in build(problem.options, draw).named_parameters()}
    found, wanted = played.model(), dense(problem, fixed(played), first)
    made = change(found, fixed(played))
    assert torch.allclose(made, wanted["body.weight"] - first["body.weight"], atol=1e-6, rtol=1e-6)
    assert torch.allclose(found["head.weight"], wanted["head.weight"], atol=1e-6, rtol=1e-6)
    assert set(found) == {B, "head.weight"} and made.abs().sum() > 0
    assert torch.linalg.matrix_rank(made) <= 2


def gap(strategy: Mapping[str, Any], problem: Problem) -> float:
    """Return how far the global change is from the weighted mean of the sites' own, after one round."""
    played = play(strategy, replace(problem, rounds=1))
    a = fixed(played) if strategy["train"] == "B" else torch.zeros(0)
    sent = {site: tensors(report.channels["model"].tree) for site, report in played.reports[0].items()}
    total = sum(map(problem.examples, problem.sites))
    mean = sum(problem.examples(site) / total * change(model, a) for site, model in sent.items())
    return float((change(played.model(), a) - mean).abs().max())


@settings(max_examples=10)
@given(problem=problems(batch=1, rate=0.5))
def test_the_mean_is_exact_with_b_alone_and_not_with_both(problem: Problem) -> None:
    assert gap({**LORA, "train": "B"}, problem) < 1e-12
    assert gap({**LORA, "train": "both"}, problem) > 1e-9


def test_the_server_rate_and_the_options_reach_the_model() -> None:
    rng = np.random.default_rng(0)
    data = {site: (rng.normal(size=(6, 3)), rng.integers(0, 3, 6)) for site in ("s0", "s1")}
    problem = Problem(data, 1)
    one, half = play(LORA, problem).model(), play({**LORA, "lr": 0.5}, problem).model()
    assert torch.allclose(half[B], one[B] / 2)
    normed = replace(problem, options=replace(problem.options, norm=True))
    assert set(play({**LORA, "head": False}, normed).model()) == {B}
    assert set(play({**LORA, "norms": True}, normed).model()) == {
        B,
        "head.weight",
        "norm.weight",
        "norm.bias",
    }
    played = play(LORA, normed)
    moved = played.states[1].trees["buffers"]["norm.running_mean"]
    assert not np.array_equal(moved, played.states[0].trees["buffers"]["norm.running_mean"])
    plain = play({"name": "fedavg"}, normed)
    frozen = tensors(played.shop.trees["base"].numpy())
    assert all(torch.equal(frozen[n], value) for n, value in plain.model(0).items() if n in frozen)


# --- what is sent


@pytest.mark.parametrize("name", ["reid", "batch_loss"])
def test_messages_are_b_head_and_statistics_alone(name: str, worlds: Worlds, tmp_path: Path) -> None:
    world = worlds(name)
    federation = world.federation(tmp_path, {"name": "lora"}, rounds=1)
    entry = run(federation, Pool(1))["history"][-1]
    trees = final(federation).trees
    names = set(trees["model"])
    assert {n for n in names if not n.endswith("lora_B")} == ({"head.weight"} if name == "reid" else set())
    numbers = 3 * 8  # examples, steps, loss
    size = sum(tree.layout.nbytes for tree in trees.values())
    whole = sum(
        tree.layout.nbytes
        for tree in first_state(Workshop.of(json.dumps(world.cfg({"name": "fedavg"})))).trees.values()
    )
    assert size < whole
    for moved in entry["bytes"].values():
        assert moved == {"down": size, "up": size + numbers}


def test_a_strict_camera_keeps_its_head_and_a_resumed_run_its_bits(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid").strict
    whole_run = world.federation(tmp_path / "a", {"name": "lora"})
    whole = weights(whole_run)
    state = final(whole_run)
    assert state.trees["model"].layout.leaves and all(n.endswith("lora_B") for n in state.trees["model"])
    for site in world.sites:
        held = Memory(whole_run.memory(site)).load(state.versions[site])
        assert set(held["own"]) == {"head.weight"}
        momentum = {name.partition("/")[2] for name in held["optimiser"]}
        assert momentum == {"head.weight", *state.trees["model"]}

    def kill(name: str, **fields: Any) -> None:
        if name == "round_done" and fields["round"] == 1:
            raise KeyboardInterrupt

    cut = world.federation(tmp_path / "b", {"name": "lora"})
    with pytest.raises(KeyboardInterrupt):
        run(cut, Pool(1), kill)
    _workshop.cache_clear()
    assert weights(cut) == whole
    assert gallery(cut) is not None and projection(cut) is not None


def test_a_head_that_is_frozen_and_private_is_the_sites_own(worlds: Worlds, tmp_path: Path) -> None:
    world = worlds("reid").strict
    federation = world.federation(tmp_path, {"name": "lora", "head": False}, world.sites[:2], rounds=2)
    assert run(federation, Pool(1))["history"][-1]["refused"] == {}
    held = Memory(federation.memory(world.sites[0])).load(final(federation).versions[world.sites[0]])
    assert "own" not in held


# --- the base that everybody must have


def _load(model: Any, path: Path) -> None:
    model.load_state_dict(torch.load(path, weights_only=True))


@pytest.fixture
def pretrained(worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Federation]:
    """Return a maker of federations that begin with weights from a file, one a seed."""
    monkeypatch.setitem(TASKS, "batch_loss", replace(DUMMIES["batch_loss"], load=_load))
    world = worlds("batch_loss")

    def made(folder: str, seed: int, strategy: str = "lora", **more: Any) -> Federation:
        file = tmp_path / f"{seed}.pt"
        model = world.task.model(world.options, torch.Generator().manual_seed(seed))
        torch.save(model.state_dict(), file)
        return replace(world.federation(tmp_path / folder, {"name": strategy}, **more), weights=file)

    return made


def test_the_file_is_the_base_and_adapters_come_on_top(pretrained: Callable[..., Federation]) -> None:
    federation = pretrained("a", 1)
    result = run(federation, Pool(1))
    assert result["history"][-1]["refused"] == {}
    shop, file = federation.workshop(), torch.load(str(federation.weights), weights_only=True)
    frozen = {name: value for name, value in shop.trees["base"].items() if not name.endswith("lora_A")}
    assert frozen and all(torch.equal(value, file[name]) for name, value in frozen.items())
    assert result["weights_sha256"] != run(pretrained("b", 2), Pool(1))["weights_sha256"]


def elsewhere(site: str, weights: Path | None) -> Callable[..., LocalGrid]:
    """Return a grid in which one node has another file, or none."""

    def changed(node: Node) -> Node:
        if node.config["site"] != site:
            return node
        config = {key: value for key, value in node.config.items() if key != "weights"}
        return Node(node.number, config | ({"weights": str(weights)} if weights else {}))

    def grid(nodes: Mapping[int, Node], *more: Any) -> LocalGrid:
        return LocalGrid([changed(node) for node in nodes.values()], *more)

    return grid


@pytest.mark.parametrize("seed", [None, 2])
@pytest.mark.parametrize("site", ["left", EVALUATOR])
def test_a_node_with_another_base_is_refused(
    site: str, seed: int | None, pretrained: Callable[..., Federation], monkeypatch: pytest.MonkeyPatch
) -> None:
    federation, other = pretrained("a", 1), pretrained("b", seed).weights if seed else None
    monkeypatch.setattr(federations, "LocalGrid", elsewhere(site, other))
    ours, theirs = (
        Workshop.of(json.dumps(federation.cfg), weights=file).setting.digest.partition("+")[2]
        for file in (other, federation.weights)
    )
    with pytest.raises(RoundError) as error:
        run(federation, Pool(1))
    assert len(ours) == 64 and ours != theirs
    assert f"has the SHA-256 {ours}, but the run's has {theirs}; give the site the file of weights" in str(
        error.value
    )
    assert str(federation.folder.parent) not in str(error.value)


def test_a_run_is_not_resumed_over_another_base(pretrained: Callable[..., Federation]) -> None:
    federation = pretrained("a", 1)
    run(federation, Pool(1))
    (federation.folder / "result.json").unlink()
    with pytest.raises(CheckpointError, match="belongs to configuration"):
        run(replace(federation, weights=pretrained("b", 2).weights), Pool(1))


def test_the_digest_is_over_everything_frozen_and_nothing_else(pretrained: Callable[..., Federation]) -> None:
    federation = pretrained("a", 1)
    one, two = (
        Workshop.of(json.dumps({**federation.cfg, "seed": seed}), weights=federation.weights).setting.digest
        for seed in (3, 4)
    )
    assert one.partition("+")[2] != two.partition("+")[2]  # A is drawn from the seed
    plain = replace(federation, cfg={**federation.cfg, "strategy": {"name": "fedavg"}})
    assert "+" not in plain.workshop().setting.digest
    assert plain.workshop().setting.digest == Workshop.of(json.dumps(plain.cfg)).setting.digest


def test_without_a_file_no_node_is_given_one(worlds: Worlds, tmp_path: Path) -> None:
    federation = worlds("batch_loss").federation(tmp_path, {"name": "lora"})
    nodes = federation.nodes().values()
    assert not any("weights" in node.config for node in nodes)
    assert {Place.of(node.config).weights for node in nodes} == {None}
    named = replace(federation, weights=tmp_path / "file").nodes().values()
    assert {Place.of(node.config).weights for node in named} == {tmp_path / "file"}
    with pytest.raises(ConfigError, match="'batch_loss' reads no pre-trained weights"):
        replace(federation, weights=tmp_path / "file").workshop()


def test_what_stays_at_a_site_begins_with_the_file_too(pretrained: Callable[..., Federation]) -> None:
    """FedBN's own scales, of which no message ever tells."""
    federation = pretrained("a", 1, "fedbn", rounds=1)
    file = torch.load(str(federation.weights), weights_only=True)
    own = federation.workshop().initial["own"]
    assert np.array_equal(own["body.1.weight"], file["body.1.weight"].numpy())


def test_an_order_holds_nothing_frozen(worlds: Worlds) -> None:
    shop = Workshop.of(json.dumps(worlds("reid").cfg({"name": "lora"})))
    channels = {name: Value(tree) for name, tree in first_state(shop).trees.items()}
    names = {name for channel in channels.values() for name in channel.tree}
    assert not names & set(shop.trees["base"])
    assert set(shop.contract(None).channels) == {"model", "buffers"}
