"""The one local training loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from isofed import seeds
from isofed.client.memory import Sections
from isofed.client.optimiser import export_state, restore_state
from isofed.client.workshop import Place, Workshop
from isofed.records import Channel, Order, Report, Value
from isofed.strategies.recipe import Seen, TermStart
from isofed.strategies.rules import COUNTS
from isofed.strategies.share import TRAVELLING


@dataclass(frozen=True)
class Trained:
    """A round's outcome at one site: the report, and what to remember."""

    report: Report
    sections: Sections


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
    _load(shop, order, memory)
    samples = shop.samples(place)
    states = [term.start(_term_start(shop, order)) for term in shop.setting.recipe.local]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.public_key(shop.setting.seed, order.round, place.site, "layers") % 2**63)
        (steps, batch), loss = _epoch(shop, place, order, samples, states)
    channels = _travelling(shop)
    for term, state in zip(shop.setting.recipe.local, states, strict=True):
        channels.update(term.finish(state) if term.finish else {})
    examples = COUNTS[shop.setting.recipe.count](len(samples), batch)
    scalars = {"examples": examples, "steps": steps, "loss": loss}
    report = Report(order.round, order.attempt, version, channels, scalars)
    return Trained(report, _sections(shop))


def _load(shop: Workshop, order: Order, memory: Sections) -> None:
    for group, tree in shop.trees.items():
        source: Any = (
            order.channels[group] if group in TRAVELLING else memory.get(group, shop.initial.get(group))
        )
        tree.copy_from(source.tree if group in TRAVELLING else source)
    state: Any = memory.get("optimiser")
    restore_state(shop.optimiser, dict(shop.model.named_parameters()), state)


def _term_start(shop: Workshop, order: Order) -> TermStart:
    options = shop.setting.options
    return TermStart(
        order.channels,
        options.classes,
        shop.setting.task.width(options),
        shop.setting.level_options.min_images,
    )


def _epoch(
    shop: Workshop, place: Place, order: Order, samples: Any, states: list[Any]
) -> tuple[tuple[int, int], float]:
    """Take the round's steps; return (steps, batch size) and the mean loss."""
    setting, training = shop.setting, shop.setting.task.training
    draw = seeds.public(setting.seed, order.round, place.site, "batches")
    change = seeds.public(setting.seed, order.round, place.site, "augmentation")
    batches = training.sample(samples, setting.options, draw)
    total = torch.zeros(())
    shop.model.train()
    for step, images in enumerate(batches):
        _set_rate(shop, order.round - 1 + step / len(batches))
        batch = training.transform(samples, images, setting.options, change, place.device)
        total += _step(shop, batch, images, states)
    return batches.shape, float(total) / len(batches)


def _set_rate(shop: Workshop, done: float) -> None:
    factor = shop.setting.task.training.rate(done, shop.setting.rounds, shop.setting.options)
    for group, peak in zip(shop.optimiser.param_groups, shop.peaks, strict=True):
        group["lr"] = peak * factor


def _step(shop: Workshop, batch: Any, images: Any, states: list[Any]) -> torch.Tensor:
    setting = shop.setting
    output = shop.model(batch.inputs)
    loss = setting.task.training.loss(output, batch.labels, setting.options)
    seen = Seen(output, batch.labels, images)
    for term, state in zip(setting.recipe.local, states, strict=True):
        extra = term.loss(state, seen) if term.loss else None
        loss = loss if extra is None else loss + extra
    shop.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    _drift(shop, states)
    shop.optimiser.step()
    return loss.detach()


def _drift(shop: Workshop, states: list[Any]) -> None:
    for term, state in zip(shop.setting.recipe.local, states, strict=True):
        if term.drift:
            parameters = dict(shop.model.named_parameters())
            for name, push in term.drift(state, parameters).items():
                parameters[name].grad.add_(push)


def _travelling(shop: Workshop) -> dict[str, Channel]:
    return {group: Value(shop.trees[group].numpy()) for group in TRAVELLING}


def _sections(shop: Workshop) -> Sections:
    names = {id(p): name for name, p in shop.model.named_parameters()}
    sections: dict[str, Any] = {"optimiser": export_state(shop.optimiser, names)}
    staying: Mapping[str, Any] = {g: t for g, t in shop.trees.items() if g not in TRAVELLING}
    return sections | {group: tree.numpy() for group, tree in staying.items()}
