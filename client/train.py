"""The one local training loop."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from isofed import seeds
from isofed.client.chance import seeded
from isofed.client.epoch import Epoch, each, held, reach, run_epoch, select, steps_of
from isofed.client.gradient import mean_gradient, mean_loss
from isofed.client.memory import Sections
from isofed.client.normaliser import normaliser
from isofed.client.optimiser import export_state, restore_state
from isofed.client.place import Place
from isofed.client.precision import Precision
from isofed.client.private.step import Private, begun
from isofed.client.workshop import Workshop
from isofed.protocols.local_privacy import Spend
from isofed.records import Channel, Order, Report, Value
from isofed.spans import PROTOCOL, UPDATE, span, spanned
from isofed.strategies.recipe import Done, Phase, TermStart
from isofed.strategies.rules import COUNTS
from isofed.strategies.share import FIXED, TRAVELLING

TERM = "term."


@dataclass(frozen=True)
class Trained:
    """A round's outcome at one site: the report, what to remember, and what it costs of a privacy budget."""

    report: Report
    sections: Sections
    spend: Spend | None = None


def train(shop: Workshop, place: Place, order: Order, memory: Sections, version: str) -> Trained:
    """Train one site for one round.

    Load the order's model and the site's memory into the workshop's model, run the task's steps with
    the recipe's local terms, and collect what leaves and what stays.

    Args:
        shop: model, optimiser and task.
        place: whose data.
        order: the global state of this round.
        memory: sections of the version that the order names.
        version: name of the version that this round makes.
    """
    recipe = shop.setting.recipe
    samples = shop.samples(place)
    shop.fit(place)
    load(shop, order, memory)
    select(shop, Phase())
    precision, private = Precision.of(shop, memory), _private(shop, place, order)
    with seeded(shop.device, seeds.public_key(shop.setting.seed, order.round, place.site, "layers") % 2**63):
        with span(UPDATE, "terms begin"):
            states = [
                term.start(_term_start(shop, place, order, memory.get(TERM + term.name)))
                for term in recipe.local
            ]
        epoch = run_epoch(shop, place, order, states, precision, private=private)
    with span(UPDATE, "terms end"):
        done = Done(epoch.steps, reach(shop, epoch.factors, held(shop, order)) if recipe.local else {})
        further = [term.finish(state, done) if term.finish else {} for term, state in each(shop, states)]
    scalars, sections = _numbers(shop, len(samples), epoch, states, done), _sections(shop, states, precision)
    # last of all: terms may have changed the model as they finished, or remember some of it
    channels = _travelling(shop, place)
    for given in further:
        channels.update(given)
    report = Report(order.round, order.attempt, version, channels, scalars)
    return Trained(report, sections, private.spend if private else None)


def _private(shop: Workshop, place: Place, order: Order) -> Private | None:
    """Return the round's private steps, or None where the run has none."""
    return begun(shop, place, order) if shop.setting.dp else None


def _numbers(
    shop: Workshop, images: int, epoch: Epoch, states: list[Any], done: Done
) -> dict[str, int | float]:
    recipe = shop.setting.recipe
    examples = COUNTS[recipe.count](images, epoch.batch)
    numbers: dict[str, int | float] = {"examples": examples, "steps": epoch.steps, "loss": epoch.loss}
    if "normaliser" in recipe.rule.needs:
        numbers["normaliser"] = normaliser(shop.optimiser, tuple(chain.from_iterable(epoch.factors.values())))
    for term, state in each(shop, states):
        numbers |= term.numbers(state, done) if term.numbers else {}
    return shop.setting.dp.told(numbers) if shop.setting.dp else numbers


@spanned(PROTOCOL)
def load(shop: Workshop, order: Order, memory: Sections) -> None:
    """Load the order's model, what the site keeps of it, and the optimiser's state into the workshop."""
    for group in [group for group in shop.trees if group not in FIXED]:
        source: Any = (
            order.channels[group] if group in TRAVELLING else memory.get(group, shop.initial.get(group))
        )
        shop.load(group, source.tree if group in TRAVELLING else source)
    state: Any = memory.get("optimiser") if _keeps(shop) else None
    restore_state(shop.optimiser, dict(shop.parameters), state)


def _keeps(shop: Workshop) -> bool:
    return bool(shop.setting.task.training.keeps_optimiser(shop.setting.options))


def _term_start(shop: Workshop, place: Place, order: Order, remembered: Any) -> TermStart:
    setting, classes = shop.setting, shop.classes(place)
    labels = shop.samples(place).labels
    return TermStart(
        channels=order.channels,
        classes=classes,
        width=setting.task.width(setting.options),
        min_images=setting.level_options.min_images,
        model=shop.model,
        head=setting.task.head,
        travelling=tuple(shop.trees["model"]),
        images=None if labels is None else np.bincount(labels[labels >= 0], minlength=classes),
        memory=remembered,
        gradient=lambda: mean_gradient(shop, (step.batch for step in steps_of(shop, place, order))),
        mean_loss=lambda: mean_loss(shop, (step.batch for step in steps_of(shop, place, order))),
        loss=lambda output, labels: setting.task.training.loss(output, labels, setting.options),
        config=order.config,
    )


@spanned(PROTOCOL, "model to report")
def _travelling(shop: Workshop, place: Place) -> dict[str, Channel]:
    return {group: Value(shop.give(group, place.lends)) for group in TRAVELLING}


@spanned(PROTOCOL, "model to memory")
def _sections(shop: Workshop, states: list[Any], precision: Precision) -> Sections:
    names = {id(p): name for name, p in shop.parameters.items()}
    sections: dict[str, Any] = {"optimiser": export_state(shop.optimiser, names)} if _keeps(shop) else {}
    staying = (*TRAVELLING, *FIXED)
    sections |= {group: tree.numpy() for group, tree in shop.trees.items() if group not in staying}
    for term, state in each(shop, states):
        if term.remember:
            sections[TERM + term.name] = term.remember(state)
    return sections | precision.sections()
