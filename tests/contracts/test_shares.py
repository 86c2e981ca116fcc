"""Every recipe's share over every task's model: the parts are the whole, and each name is in one of them."""

import json
import re
from collections.abc import Callable

import pytest
import torch
from cases import CASES, World
from torch import nn

from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.strategies.named import STRATEGIES
from isofed.strategies.share import NORM_LAYERS, all_but, everything, flatten, norm_names
from isofed.tasks.reid.model import build
from isofed.tasks.reid.options import ReidOptions

Worlds = Callable[[str], World]
DEEP = ReidOptions(backbone="resnet50", dimensions=2048)
TRAINED = [name for name in CASES if name != "no_training"]


def shop_of(world: World, strategy: str) -> Workshop:
    """Build a strategy's workshop with the options that it asks for."""
    more = {"momentum": 0.0, "keep_momentum": False} if world.name == "reid" else {}
    return Workshop.of(json.dumps(world.cfg({"name": strategy}, **more)))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("task", TRAINED)
def test_a_model_s_parts_are_the_whole(task: str, strategy: str, worlds: Worlds) -> None:
    try:
        shop = shop_of(worlds(task), strategy)
    except CompositionError as error:
        assert task != "reid" or strategy == "fltrust"  # whose people the server's data do not hold
        assert re.search(r"; (use strategy|write (task|strategy))", str(error))
        return
    before = {name: value.clone() for name, value in shop.model.state_dict().items()}
    names = [name for tree in shop.trees.values() for name in tree]
    assert sorted(names) == sorted(before) and len(set(names)) == len(names)
    after = shop.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(torch.equal(shop.trees[g][name], after[name]) for g in shop.trees for name in shop.trees[g])


@pytest.mark.parametrize("task", TRAINED)
def test_what_travels_is_what_the_paper_says(task: str, worlds: Worlds) -> None:
    world = worlds(task)
    plain = shop_of(world, "fedavg")
    head, names = world.task.head, set(plain.model.state_dict())
    heads = {name for name in names if head and name.startswith(head)}
    norms = {name for name in names if ".bn" in name or "neck." in name or "body.1." in name} | {
        name for name in names if name.startswith("backbone.bn.") or "shortcut.1." in name
    }
    if task in ("vein", "micro_gesture", "action_units"):  # of whose layers some have numbers for names
        norms = norm_names(plain.model)
    wanted = {"fedavg": names, "fedbn": names - norms, "fedper": names - heads, "lgfedavg": heads}
    if world.task.private_head:  # whatever the strategy
        wanted = {name: whole - heads for name, whole in wanted.items() if name != "lgfedavg"}
    for strategy, travelling in wanted.items():
        if head or strategy in ("fedavg", "fedbn"):
            trees = shop_of(world, strategy).trees
            assert {name for group in ("model", "buffers") for name in trees[group]} == travelling, strategy


@pytest.mark.parametrize(
    "options", [ReidOptions(), ReidOptions(backbone="resnet50", dimensions=2048)], ids=str
)
def test_normalisation_is_found_at_any_depth_and_never_by_name(options: ReidOptions) -> None:
    model = build(options, 3, torch.Generator().manual_seed(0))
    found = norm_names(model)
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(found) == 5 * len(layers) > 0  # scale, shift, mean, variance, counter
    trees = flatten(model, all_but("norms"))
    assert set(trees["own"]) | set(trees["own_buffers"]) == found and not trees["buffers"].layout.leaves
    misnamed = nn.ModuleDict({"norm": nn.Linear(2, 2), "plain": nn.GroupNorm(1, 2)})
    assert norm_names(misnamed) == {"plain.weight", "plain.bias"}
    assert isinstance(misnamed["plain"], NORM_LAYERS)


def test_a_head_that_a_task_lacks_is_a_refusal_with_a_mend(worlds: Worlds) -> None:
    with pytest.raises(CompositionError, match=r"needs 'head'.*use strategy=fedavg"):
        Workshop.of(json.dumps(worlds("no_labels").cfg({"name": "fedper"})))


def test_only_what_travels_whole_is_evaluated_at_the_server(worlds: Worlds) -> None:
    evaluable = {
        name: shop_of(worlds("reid"), name).setting.evaluable for name in ("fedavg", "fedper", "fedbn")
    }
    # a person is found again without the head: a body alone is enough for this task
    assert evaluable == {"fedavg": True, "fedper": True, "fedbn": False}
    assert not shop_of(worlds("two_outputs"), "fedper").setting.evaluable
    assert everything.complete()
