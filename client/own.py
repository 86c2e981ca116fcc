"""A site measures the model that it is to use, on samples of its own that it never trains on."""

from typing import Any

import torch

from isofed import seeds
from isofed.client.chance import seeded
from isofed.client.epoch import run_epoch, select
from isofed.client.memory import Sections
from isofed.client.place import Place
from isofed.client.precision import Precision
from isofed.client.train import TERM, load
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.records import Order
from isofed.strategies.recipe import Phase
from isofed.strategies.share import FIXED
from isofed.trees import Tree

USE = "evaluate"


def measure(shop: Workshop, place: Place, order: Order, memory: Sections) -> dict[str, Any]:
    """Return the statistics of a site's own model on its held-out samples; nothing is remembered of it.

    The model is the order's with what the site keeps of it, or the one of its own where a local term keeps
    one, after the recipe's phases before use.

    Args:
        shop: model and task; left with that model in it.
        place: whose samples.
        order: the global state after a round.
        memory: sections of the version that the order names.

    Raises:
        CompositionError: the task has nothing to measure at a site.
    """
    setting = shop.setting
    if setting.task.own is None:
        raise CompositionError(f"task '{setting.task.name}' measures nothing at a site; write holdout=0")
    trained, held = shop.samples(place), shop.held_out(place)
    shop.fit(place)
    load(shop, order, memory)
    _take_own(shop, memory)
    _fit(shop, place, order)
    return dict(setting.task.own.measure(shop.model.eval(), trained, held, setting.options, shop.device))


def _take_own(shop: Workshop, memory: Sections) -> None:
    """Load the model of the site's own, if the recipe has one and the site has begun it."""
    term = shop.setting.recipe.personal
    own = memory.get(TERM + term.name) if term else None
    if isinstance(own, Tree):
        # what is never trained is left alone: no order brings it again
        for tree in (tree for group, tree in shop.trees.items() if group not in FIXED):
            for name in own.layout.by_name.keys() & tree.layout.by_name.keys():
                tree[name].copy_(torch.from_numpy(own[name].copy()))


def _fit(shop: Workshop, place: Place, order: Order) -> None:
    """Take the steps before use, with an optimiser that remembers nothing and without local terms."""
    setting = shop.setting
    # a run of no rounds has no learning rates
    if not setting.rounds or all(phase.when != USE for phase in setting.recipe.schedule):
        return
    shop.optimiser.state.clear()
    select(shop, Phase())
    with seeded(
        shop.device, seeds.public_key(setting.seed, order.round, place.site, f"layers to {USE}") % 2**63
    ):
        run_epoch(shop, place, order, [], Precision.of(shop, {}), USE)
