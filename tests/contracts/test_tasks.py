"""What every task owes the framework, asked of all of them and of the dummies."""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest
import torch
from cases import ALL, CASES, World
from dummies import DUMMIES

from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.setting import BODY, build
from isofed.simulations.federation import run
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES
from isofed.strategies.named.robust import NAMED as ROBUST
from isofed.strategies.share import flatten, without
from isofed.tasks import TASKS
from isofed.tasks.task import merge

Worlds = Callable[[str], World]
TRAINED = [name for name, task in ALL.items() if task.training is not None]
every_task = pytest.mark.parametrize("name", ALL)
every_trained_task = pytest.mark.parametrize("name", TRAINED)
# robust rules differ at the server alone, so that one stands for all here; test_oracles_robust.py plays each
PLAYED = [name for name in STRATEGIES if name not in ROBUST or name == "krum"]
ALWAYS = ("fedavg", "cgpr", "feddf")
# one round is one round with few steps of the server's, too
FEW = {"feddf": {"steps": 3, "batch": 16}}


def model_of(world: World, seed: int = 0) -> Any:
    return world.task.model(world.options, torch.Generator().manual_seed(seed))


def batch_of(world: World, draw: int = 0) -> tuple[Any, Any]:
    """Return the first step's images and batch."""
    training, rng = world.task.training, np.random.default_rng(draw)
    assert training is not None
    samples = world.samples()
    images = training.sample(samples, world.options, rng)[0]
    return images, training.transform(samples, images, world.options, rng, "cpu")


def test_every_task_has_a_case() -> None:
    assert set(CASES) == set(ALL)


@every_task
def test_the_value_says_what_it_is(name: str) -> None:
    task = ALL[name]
    assert task.name == name and task.summary and task.owner and task.subject
    assert set(task.levels) <= set(LEVELS) and task.layouts
    assert all(key == layout.name for key, layout in task.layouts.items())


@every_task
def test_options_are_plain_scalars(name: str) -> None:
    options = ALL[name].options
    types = get_type_hints(options)
    assert set(types.values()) <= {bool, int, float, str}
    assert types["classes"] is int
    assert all(type(getattr(options(), key)) is kind for key, kind in types.items())
    with pytest.raises(dataclasses.FrozenInstanceError):
        options().classes = 3


@every_task
def test_a_model_is_a_function_of_its_generator(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    before = torch.random.get_rng_state()
    one, same, other = (model_of(world, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@every_task
def test_the_head_is_in_the_model(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    names = list(model_of(world).state_dict())
    for prefix in world.task.head:
        assert any(key.startswith(prefix) for key in names), f"nothing begins with {prefix}"
    if world.task.head:
        trees = flatten(model_of(world), without(*world.task.head))
        assert trees["own"] and trees["model"]


@every_trained_task
def test_outputs_have_the_shapes_they_promise(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    training, options = world.task.training, world.options
    images, batch = batch_of(world)
    output = model_of(world)(batch.inputs)
    assert dataclasses.is_dataclass(output)
    assert all(len(value) == len(images) for value in vars(output).values())
    assert training is not None and set(training.capabilities) <= set(vars(output))
    wanted = {"features": world.task.width(options), "logits": options.classes}
    for capability in training.capabilities:
        assert tuple(getattr(output, capability).shape) == (len(images), wanted[capability])


@every_trained_task
def test_steps_are_images_of_the_site_and_draws_repeat(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    training, samples = world.task.training, world.samples()
    assert training is not None
    steps, again, other = (
        training.sample(samples, world.options, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert steps.ndim == 2 and steps.dtype == np.int64
    assert steps.min() >= 0 and steps.max() < len(samples)
    assert np.array_equal(steps, again) and not np.array_equal(steps, other)
    for draw in (0, 1):
        (_, first), (_, second) = batch_of(world, draw), batch_of(world, draw)
        assert torch.equal(first.inputs, second.inputs)


@every_trained_task
def test_the_loss_is_a_scalar_of_a_known_unit(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    training = world.task.training
    assert training is not None and training.loss_unit in ("example", "batch")
    _, batch = batch_of(world)
    model = model_of(world).eval()
    loss = training.loss(model(batch.inputs), batch.labels, world.options)
    assert loss.shape == () and torch.isfinite(loss)
    if training.loss_unit == "example":
        parts = [
            training.loss(
                model(batch.inputs[i : i + 1]),
                None if batch.labels is None else batch.labels[i : i + 1],
                world.options,
            )
            for i in range(len(batch.inputs))
        ]
        assert torch.stack(parts).mean().item() == pytest.approx(loss.item(), rel=1e-4)


@every_trained_task
def test_every_travelling_parameter_gets_a_gradient(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    training = world.task.training
    assert training is not None
    model = model_of(world).train()
    travelling = set(flatten(model)["model"])
    _, batch = batch_of(world)
    training.loss(model(batch.inputs), batch.labels, world.options).backward()
    missing = [key for key, p in model.named_parameters() if p.grad is None]
    assert travelling == {key for key, _ in model.named_parameters()} and missing == []
    assert any(p.grad.any() for p in model.parameters())


@every_trained_task
def test_the_loss_falls_in_twenty_steps(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    training, options = world.task.training, world.options
    assert training is not None
    model = model_of(world).train()
    optimiser = training.optimiser(model, options)
    optimised = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert optimised == {id(p) for p in model.parameters()}
    for group in optimiser.param_groups:
        group["lr"] *= 0.25
    _, batch = batch_of(world)
    losses = []
    for _ in range(20):
        loss = training.loss(model(batch.inputs), batch.labels, options)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < 0.9 * losses[0], losses


@every_task
def test_statistics_of_parts_merge_into_those_of_the_whole(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    model, test = model_of(world).eval(), world.test_data()
    whole = world.task.evaluate(model, test, world.options)
    a, b = (world.task.evaluate(model, half, world.options) for half in world.case.halves(test))
    assert a != b and merge(a, b) == merge(b, a) == merge(merge({}, a), b)
    assert merge(a, b) == pytest.approx(dict(whole), rel=1e-5)
    assert all(type(value) in (int, float) for value in whole.values())
    found = world.task.result(whole)
    assert {"mean", "spread"} <= set(found) and len({frozenset(row) for row in found.values()}) == 1
    assert all(np.isfinite(value) for row in found.values() for value in row.values())


@every_task
def test_nobody_is_on_both_sides(name: str, worlds: Worlds) -> None:
    world = worlds(name)
    tested = world.case.tested(world.test_data())
    assert tested
    for site in world.sites:
        trained = world.case.subjects(world.root, site, world.home / site / "train", world.options)
        assert trained and not trained & tested


def refusal(world: World, recipe: Any, fresh: bool) -> str:
    """Return how the refusal of a recipe under ``camera`` begins to read, or nothing where it runs."""
    training = world.task.training
    assert training is not None
    given = {*training.capabilities, *(("head",) if world.task.head else ()), "plain_sgd", "classes"}
    missing = recipe.needs - given
    if missing:
        return f"needs '{min(missing)}' from the model, which task '{world.name}'"
    if training.several and "classes" in recipe.needs:
        return f"a sample of task '{world.name}' may be of several at once; use strategy=fedavg$"
    if "plain_sgd" in recipe.needs:
        return "the optimiser has momentum; write task.momentum=0"
    if "normaliser" in recipe.rule.needs and not fresh:
        return "momentum is kept across rounds"
    if training.several and recipe.server.distil and recipe.server.distil.of == "logits":
        return "may be of several at once; write strategy.of=features$"
    return kept_at_home(recipe) if world.task.private_head else ""


def kept_at_home(recipe: Any) -> str:
    """Return how a recipe is refused for a task whose heads and centres never leave, or nothing."""
    if any(not rule.personal for rule in recipe.tables.values()):
        return "averages rows by number; use strategy=fedavg$"
    if BODY in recipe.share.parts:
        return "shares the head alone, .*; use strategy=fedper$"
    if recipe.tables:
        return "keeps identity centres at the site, .*; use strategy=fedavg$"
    if recipe.server.distil and recipe.server.distil.of == "logits":
        return "write strategy.of=features"
    return ""


def is_fresh(name: str) -> bool:
    return hasattr(ALL[name].options, "keep_momentum")


def takes_turn(name: str, strategy: str) -> bool:
    """Return whether a strategy that a task takes is played on it, and not composed alone.

    Every strategy is played on every dummy that takes it, three on every task, and each of the others on
    one of the tasks that take it, in turn. The scripts named algorithms.py under tests/acceptance play all.
    """
    if name in DUMMIES or strategy in ALWAYS:
        return True
    nowhere, recipe = Path(), STRATEGIES[strategy]()
    takers = [
        each
        for each in TRAINED
        if each not in DUMMIES
        and not refusal(World(each, nowhere, nowhere, CASES[each]), recipe, is_fresh(each))
    ]
    return bool(takers) and name == takers[PLAYED.index(strategy) % len(takers)]


@pytest.mark.parametrize(
    "name", [name if name in DUMMIES else pytest.param(name, marks=pytest.mark.slow) for name in TRAINED]
)
@pytest.mark.parametrize("strategy", PLAYED)
def test_one_round_of_every_strategy_runs_or_is_refused(
    name: str, strategy: str, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds(name)
    fresh = {"keep_momentum": False} if is_fresh(name) else {}
    federation = world.federation(tmp_path, {"name": strategy, **FEW.get(strategy, {})}, rounds=1, **fresh)
    # what is not whole is measured at the sites
    cfg = {**federation.cfg, "holdout": 0.2}
    federation = replace(federation, cfg=cfg, public=world.root)  # the latter for what distils
    refused = refusal(world, STRATEGIES[strategy](), bool(fresh))
    if refused:
        with pytest.raises(CompositionError, match=refused):
            run(federation, Pool(1))
        return
    if not takes_turn(name, strategy):
        Workshop.of(json.dumps(federation.cfg))
        return
    result = run(federation, Pool(1))
    untrained, entry = result["history"]
    assert entry["round"] == 1 and entry["refused"] == {}
    arrivals, count = STRATEGIES[strategy]().server.arrivals, len(world.sites)
    assert set(entry["loss"]) <= set(world.sites)
    assert len(entry["loss"]) == (arrivals.of(count) if arrivals else count)
    assert set(entry["metrics"]["own"]["sites"]) == set(world.sites)
    if Workshop.of(json.dumps(federation.cfg)).setting.evaluable:
        assert entry["metrics"]["mean"] != untrained["metrics"]["mean"]
    assert json.loads((tmp_path / "result.json").read_text()) == result


@pytest.mark.parametrize("name", [name for name in ALL if name not in TRAINED])
def test_a_task_without_training_is_refused(name: str, worlds: Worlds) -> None:
    cfg = worlds(name).cfg({"name": "fedavg"})
    with pytest.raises(CompositionError) as error:
        build(cfg, TASKS, STRATEGIES, LEVELS, LevelOptions)
    assert str(error.value) == f"task '{name}' is a benchmark and does not train; use 'isofed score'"


def test_the_dummies_are_odd_in_four_ways() -> None:
    units = {name: t.training.loss_unit if t.training else None for name, t in DUMMIES.items()}
    assert units == {
        "two_outputs": "example",
        "no_labels": "example",
        "batch_loss": "batch",
        "no_training": None,
    }
