"""The one local training loop."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from isofed import seeds
from isofed.client.gradient import mean_gradient
from isofed.client.memory import Sections
from isofed.client.normaliser import normaliser
from isofed.client.optimiser import export_state, restore_state
from isofed.client.precision import Precision
from isofed.client.workshop import Place, Workshop
from isofed.records import Channel, Order, Report, Value
from isofed.strategies.recipe import Done, Seen, TermStart
from isofed.strategies.rules import COUNTS
from isofed.strategies.share import TRAVELLING

TERM = "term."


@dataclass(frozen=True)
class Trained:
    """A round's outcome at one site: the report, and what to remember."""

    report: Report
    sections: Sections


@dataclass(frozen=True)
class Epoch:
    """What a round's steps came to: how many, images in each, rates' factors where taken, mean loss."""

    steps: int
    batch: int
    factors: tuple[float, ...]
    loss: float


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
    _load(shop, order, memory)
    precision = Precision.of(shop, memory)
    states = [
        term.start(_term_start(shop, place, order, memory.get(TERM + term.name))) for term in recipe.local
    ]
    with torch.random.fork_rng(devices=[] if shop.device == "cpu" else [shop.device]):
        torch.manual_seed(seeds.public_key(shop.setting.seed, order.round, place.site, "layers") % 2**63)
        epoch = _epoch(shop, place, order, states, precision)
    channels = _travelling(shop)
    done = Done(epoch.steps, _reach(shop, epoch.factors))
    for term, state in zip(recipe.local, states, strict=True):
        channels.update(term.finish(state, done) if term.finish else {})
    examples = COUNTS[recipe.count](len(samples), epoch.batch)
    scalars: dict[str, int | float] = {"examples": examples, "steps": epoch.steps, "loss": epoch.loss}
    if "normaliser" in recipe.rule.needs:
        scalars["normaliser"] = normaliser(shop.optimiser, epoch.factors)
    report = Report(order.round, order.attempt, version, channels, scalars)
    return Trained(report, _sections(shop, states, precision))


def _load(shop: Workshop, order: Order, memory: Sections) -> None:
    for group, tree in shop.trees.items():
        source: Any = (
            order.channels[group] if group in TRAVELLING else memory.get(group, shop.initial.get(group))
        )
        tree.copy_from(source.tree if group in TRAVELLING else source)
    state: Any = memory.get("optimiser") if _keeps(shop) else None
    restore_state(shop.optimiser, dict(shop.model.named_parameters()), state)


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
        images=None if labels is None else np.bincount(labels, minlength=classes),
        memory=remembered,
        gradient=lambda: mean_gradient(shop, (batch for _, _, batch in _batches(shop, place, order))),
    )


def _batches(shop: Workshop, place: Place, order: Order) -> Iterator[tuple[float, Any, Any]]:
    """Yield the share of the round that is done, the images' rows and the batch of every step."""
    setting, training, samples = shop.setting, shop.setting.task.training, shop.samples(place)
    draw = seeds.public(setting.seed, order.round, place.site, "batches")
    change = seeds.public(setting.seed, order.round, place.site, "augmentation")
    steps = training.sample(samples, setting.options, draw)
    for step, images in enumerate(steps):
        batch = training.transform(samples, images, setting.options, change, shop.device)
        yield step / len(steps), images, batch


def _epoch(shop: Workshop, place: Place, order: Order, states: list[Any], precision: Precision) -> Epoch:
    """Take the round's steps."""
    total, factors, steps, size = torch.zeros((), device=shop.device), list[float](), 0, 0
    shop.model.train()
    for done, images, batch in _batches(shop, place, order):
        factor = _set_rate(shop, order.round - 1 + done)
        loss, taken = _step(shop, batch, images, states, precision)
        total += loss
        factors += [factor] if taken else []
        steps, size = steps + 1, len(images)
    return Epoch(steps, size, tuple(factors), float(total) / steps)


def _reach(shop: Workshop, factors: tuple[float, ...]) -> dict[str, float]:
    """Return each parameter's learning rates, summed over the round."""
    names = {id(parameter): name for name, parameter in shop.model.named_parameters()}
    total = sum(factors)
    return {
        names[id(parameter)]: peak * total
        for group, peak in zip(shop.optimiser.param_groups, shop.peaks, strict=True)
        for parameter in group["params"]
    }


def _set_rate(shop: Workshop, done: float) -> float:
    factor = float(shop.setting.task.training.rate(done, shop.setting.rounds, shop.setting.options))
    for group, peak in zip(shop.optimiser.param_groups, shop.peaks, strict=True):
        group["lr"] = peak * factor
    return factor


def _step(
    shop: Workshop, batch: Any, images: Any, states: list[Any], precision: Precision
) -> tuple[torch.Tensor, bool]:
    """Take a step; return the batch's loss, and whether the step was not left out."""
    with precision.arithmetic():
        output = shop.model(batch.inputs)
    # losses stay in single precision: under bf16 the circle loss's gradient would be off by a tenth
    loss = _loss(shop, batch, images, output, states)
    shop.optimiser.zero_grad(set_to_none=True)
    precision.backward(loss)
    _drift(shop, states)
    taken = precision.step(shop.optimiser)
    return loss.detach(), taken


def _loss(shop: Workshop, batch: Any, images: Any, output: Any, states: list[Any]) -> torch.Tensor:
    setting = shop.setting
    loss: torch.Tensor = setting.task.training.loss(output, batch.labels, setting.options)
    seen = Seen(output, batch.labels, images, batch.inputs)
    for term, state in zip(setting.recipe.local, states, strict=True):
        extra = term.loss(state, seen) if term.loss else None
        loss = loss if extra is None else loss + extra
    return loss


def _drift(shop: Workshop, states: list[Any]) -> None:
    for term, state in zip(shop.setting.recipe.local, states, strict=True):
        if term.drift:
            parameters = dict(shop.model.named_parameters())
            pushes = term.drift(state, parameters)
            for name in pushes:
                if parameters[name].grad is None:  # the batch did not reach it
                    parameters[name].grad = torch.zeros_like(parameters[name])
            if pushes:
                torch._foreach_add_([parameters[name].grad for name in pushes], list(pushes.values()))


def _travelling(shop: Workshop) -> dict[str, Channel]:
    return {group: Value(shop.trees[group].numpy()) for group in TRAVELLING}


def _sections(shop: Workshop, states: list[Any], precision: Precision) -> Sections:
    names = {id(p): name for name, p in shop.model.named_parameters()}
    sections: dict[str, Any] = {"optimiser": export_state(shop.optimiser, names)} if _keeps(shop) else {}
    sections |= {group: tree.numpy() for group, tree in shop.trees.items() if group not in TRAVELLING}
    for term, state in zip(shop.setting.recipe.local, states, strict=True):
        if term.remember:
            sections[TERM + term.name] = term.remember(state)
    return sections | precision.sections()
