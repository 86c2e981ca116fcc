"""Several sites trained at once: one forward and one backward pass over their stacked models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from isofed.client import stacked_batch, stacked_optimiser
from isofed.client.epoch import Epoch, reach, select
from isofed.client.memory import Sections
from isofed.client.place import Place
from isofed.client.stackable import Part, parts_of, refuse
from isofed.client.stacked_draws import SiteDraws
from isofed.client.stacked_model import Slopes, Stack, groups_of, owned, slopes_of
from isofed.client.stacked_steps import Fed, Stream, Uneven, grouped, in_turn, keeps
from isofed.client.stacked_terms import SiteTerms, Work, begun, layers_seed, push
from isofed.client.traced import Found, Given, Traced
from isofed.client.train import TERM, Trained, _numbers, train
from isofed.client.workshop import Workshop
from isofed.records import Channel, Order, Report, Value
from isofed.spans import BACKWARD, DATA, ENGINE, PROTOCOL, UPDATE, span, spanned
from isofed.strategies.recipe import Done, Phase
from isofed.strategies.share import STAYING, TRAVELLING
from isofed.trees import Tree


def train_together(
    shop: Workshop,
    places: Sequence[Place],
    orders: Sequence[Order],
    memories: Sequence[Sections],
    versions: Sequence[str],
) -> list[Trained]:
    """Train K sites for one round, those whose steps are alike at once, and return what train() would.

    With w_k, b_k site k's parameters and buffers, stacked to w (K, ...) and b, a step is

        g_k, b_k <- vmap over k of grad loss(model(w_k, b_k; x_k), y_k),     w <- optimiser(w, g),

    on the batches, and with the dropout masks, of the sequential run. Sites are stacked that take equally
    many steps on batches of the same shapes and whose optimisers remember alike; one that has no companion
    is trained by train(). A site computes what it computes alone but for the order in which products are
    summed: after eight steps of a small network, in float32, by SGD, momentum or Adam, no entry is off by
    more than 1e-5 of its leaf's largest; batches, masks, steps and examples are equal. Where training itself
    makes much of a last digit, as with the circle loss at scale 64, runs part as by any other order of sums;
    in float64 they stay within 1e-9.

    Args:
        shop: of the run.
        places: K sites.
        orders: what is asked of each; where all hold one and the same tree, it is read once.
        memories: sections of the version that each order names.
        versions: names of the versions that this round makes.

    Raises:
        CompositionError: the run's sites cannot be trained together; see stackable.why_not.
    """
    refuse(shop)
    works = [Work(*each) for each in zip(places, orders, memories, versions, strict=True)]
    if works:
        parts_of(shop, works[0].place)
    found: dict[int, Trained] = {}
    for rows, streams in grouped(shop, works):
        with span(ENGINE, "sites together:", len(rows)):
            trained = _group(shop, [works[row] for row in rows], streams)
        found |= dict(zip(rows, trained, strict=True))
    return [found[row] for row in range(len(works))]


def _group(shop: Workshop, works: Sequence[Work], streams: Sequence[Stream]) -> list[Trained]:
    if len(works) > 1:
        try:
            return _stacked(shop, works, streams)
        except Uneven:
            pass  # nothing has left the stack
    return [train(shop, work.place, work.order, work.memory, work.version) for work in works]


@dataclass(frozen=True, eq=False)
class _Round:
    """K sites in a round: what they train on what, and what came of it so far."""

    shop: Workshop
    works: Sequence[Work]
    stack: Stack
    optimiser: Any
    sites: Sequence[SiteTerms]
    draws: SiteDraws
    parts: Mapping[str, Part]
    total: Tensor
    factors: dict[Phase, list[float]] = field(default_factory=dict)


def _stacked(shop: Workshop, works: Sequence[Work], streams: Sequence[Stream]) -> list[Trained]:
    now, slopes = _begin(shop, works), None
    steps = size = 0
    for taken in in_turn(streams):
        slopes = slopes or slopes_of(shop, taken[0].step.batch, tuple(now.stack.buffers))
        _step(now, slopes, taken)
        steps, size = steps + 1, len(taken[0].step.images)
    return _collected(now, steps, size)


@spanned(PROTOCOL, "load")
def _begin(shop: Workshop, works: Sequence[Work]) -> _Round:
    sources: dict[str, list[Tree]] = {group: [] for group in groups_of(shop)}
    for work in works:
        shop.fit(work.place)
        for group, trees in sources.items():
            trees.append(_source(shop, work, group))
    select(shop, Phase())
    shop.train()
    stack = Stack.of(shop, sources)
    generators = [torch.Generator(shop.device).manual_seed(layers_seed(shop, work)) for work in works]
    return _Round(
        shop,
        works,
        stack,
        _optimiser(shop, works, stack),
        _terms(shop, works, stack),
        SiteDraws(generators),
        parts_of(shop, works[0].place),
        torch.zeros(stack.count, device=shop.device),
    )


@spanned(UPDATE, "terms begin")
def _terms(shop: Workshop, works: Sequence[Work], stack: Stack) -> list[SiteTerms]:
    return [begun(shop, work, stack, row) for row, work in enumerate(works)]


def _source(shop: Workshop, work: Work, group: str) -> Any:
    if group in TRAVELLING:
        channel: Any = work.order.channels[group]
        return channel.tree
    return work.memory.get(group, shop.initial.get(group))


def _optimiser(shop: Workshop, works: Sequence[Work], stack: Stack) -> Any:
    assert shop.peaks  # read before any rate is changed
    names = {id(parameter): name for name, parameter in shop.model.named_parameters()}
    optimiser = stacked_optimiser.over(shop.optimiser, names, stack.parameters)
    if keeps(shop):
        states: Any = [work.memory.get("optimiser") for work in works]
        stacked_optimiser.restore(optimiser, stack.parameters, states)
    return optimiser


def _step(now: _Round, slopes: Slopes, taken: Sequence[Fed]) -> None:
    stack, first = now.stack, taken[0].step
    part = now.parts[first.phase.trains]
    trained = {name: stack.parameters[name] for name in part.reached}
    rest = {n: p for n, p in stack.parameters.items() if n not in trained} | stack.buffers
    with span(DATA, "stack"):
        leaves = stacked_batch.stacked([fed.parts for fed in taken])
    with span(BACKWARD):
        gradients, (losses, after) = _taken(now, slopes, (trained, rest, leaves), taken[0], part)
    with span(UPDATE):
        stack.settle(after)
        gradients = owned(gradients, [*rest.values(), *trained.values(), *leaves])
        push(now.shop, now.sites, gradients)
        for name, parameter in stack.parameters.items():
            parameter.grad = gradients.get(name)
        now.factors.setdefault(first.phase, []).append(_set_rate(now, first.done))
        now.optimiser.step()
        for parameter in stack.parameters.values():
            parameter.grad = None  # or it would lie beside the next step's
    now.total.add_(losses)


def _taken(now: _Round, slopes: Slopes, given: Given, first: Fed, part: Part) -> Found:
    if part.draws:
        with now.draws:
            return slopes(*given)
    traced: Traced = vars(now.shop).setdefault("traced", Traced(now.shop.model))
    return traced.take(slopes, given, first.kind[-1])


def _set_rate(now: _Round, done: float) -> float:
    setting, rounds = now.shop.setting, max(now.works[0].order.round, 1) - 1
    factor = float(setting.task.training.rate(rounds + done, setting.rounds, setting.options))
    for group, peak in zip(now.optimiser.param_groups, now.shop.peaks, strict=True):
        group["lr"] = peak * factor
    return factor


@spanned(PROTOCOL, "models to reports")
def _collected(now: _Round, steps: int, size: int) -> list[Trained]:
    shop, terms = now.shop, now.shop.setting.recipe.local
    done = Done(steps, reach(shop, now.factors) if terms else {})
    further: list[dict[str, Channel]] = [{} for _ in now.works]
    for row, site in enumerate(now.sites):
        for term, state in zip(terms, site.states, strict=True):
            further[row] |= term.finish(state, done) if term.finish else {}
    trees = now.stack.trees()  # after the terms have finished: one may have changed the model
    sections = _sections(now, trees)
    losses = [total / steps for total in now.total.tolist()]
    found = []
    for row, (work, site) in enumerate(zip(now.works, now.sites, strict=True)):
        channels = {group: Value(trees[group][row]) for group in TRAVELLING} | further[row]
        epoch = Epoch(steps, size, now.factors, losses[row])
        scalars = _numbers(shop, len(shop.samples(work.place)), epoch, site.states, done)
        report = Report(work.order.round, work.order.attempt, work.version, channels, scalars)
        found.append(Trained(report, sections[row]))
    return found


def _sections(now: _Round, trees: Mapping[str, list[Tree]]) -> list[dict[str, Any]]:
    """Return what each site is to remember."""
    sections: list[dict[str, Any]] = [{} for _ in now.works]
    kept = {group: trees[group] for group in STAYING if group in trees}
    if keeps(now.shop):
        names = {id(leaf): name for name, leaf in now.stack.parameters.items()}
        kept = {"optimiser": stacked_optimiser.export(now.optimiser, names, now.stack.count)} | kept
    for row, site in enumerate(now.sites):
        sections[row] |= {name: each[row] for name, each in kept.items()}
        for term, state in zip(now.shop.setting.recipe.local, site.states, strict=True):
            sections[row] |= {TERM + term.name: term.remember(state)} if term.remember else {}
    return sections
