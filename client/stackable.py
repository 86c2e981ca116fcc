"""Whether sites can be trained together, and if not, why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from isofed.client import stacked_batch, stacked_optimiser
from isofed.client.epoch import select, steps_of
from isofed.client.place import Place
from isofed.client.stacked_draws import SiteDraws
from isofed.client.stacked_model import Stack, groups_of, slopes_of
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.records import Order
from isofed.strategies.recipe import Phase

APART = 1e-2  # of a step's length; rounding is far below, a lost update or another mask far above
ADVICE = "leave engine.together out"


@dataclass(frozen=True)
class Part:
    """What was seen of a phase's steps by taking one.

    Args:
        reached: names of the parameters that get a gradient.
        draws: whether a step draws random numbers, as dropout does.
    """

    reached: tuple[str, ...]
    draws: bool


@dataclass(frozen=True)
class _Taken:
    """A step's gradients of what it reached, its loss, and the buffers after it."""

    gradients: Mapping[str, Tensor]
    loss: Tensor
    buffers: Mapping[str, Tensor]


def why_not(shop: Workshop, place: Place | None = None) -> str | None:
    """Return in one sentence why this run's sites cannot be trained together, or None.

    Args:
        shop: of the run.
        place: one of its sites, whose first batch is then tried: one step of two stacked copies of the site
            beside its step alone. Without it only what can be told from the configuration is.
    """
    try:
        refuse(shop)
        if place is not None:
            parts_of(shop, place)
    except CompositionError as error:
        return str(error)
    return None


def refuse(shop: Workshop) -> None:
    """Raise CompositionError where the configuration alone says that sites cannot be trained together."""
    setting = shop.setting
    precision = setting.task.training.precision(setting.options)
    if precision != "float32":
        raise _error(f"arithmetic in {precision} is not stacked", "write task.precision=float32, or ")
    if setting.task.training.held(1, setting.options):
        raise _error("the task does not train a part of the model in the first rounds")
    if setting.dp:
        raise _error("differential privacy draws and clips every site's own units", "write dp=none, or ")
    for term in setting.recipe.local:
        held = next((what for what in ("loss", "stepped") if getattr(term, what)), None)
        if held:
            words = {"loss": "adds to a batch's loss", "stepped": "follows every step"}[held]
            raise _error(f"its term '{term.call}' {words} by code for one site")
    reason = stacked_optimiser.refusal(shop.optimiser)
    if reason:
        raise _error(reason)


def _error(reason: str, instead: str = "") -> CompositionError:
    return CompositionError(f"sites cannot be trained together: {reason}; {instead}{ADVICE}")


def parts_of(shop: Workshop, place: Place) -> Mapping[str, Part]:
    """Return, by what a phase trains, what a step of it is like; tried once in a workshop.

    Raises:
        CompositionError: stacked sites would not take it as each alone.
    """
    known: dict[str, Part] = vars(shop).setdefault("stackable", {})
    for phase in shop.setting.recipe.rounds:
        if phase.trains not in known:
            known[phase.trains] = _tried(shop, place, phase)
    return known


def _tried(shop: Workshop, place: Place, phase: Phase) -> Part:
    shop.fit(place)
    shop.whole()
    first = Order("", 1, 1, "", shop.setting.digest, {})
    batch = next(steps_of(shop, place, first)).batch
    trained = [name for name, p in _selected(shop, phase).items() if p.requires_grad]
    kept = {group: shop.trees[group].numpy() for group in groups_of(shop)}
    with torch.random.fork_rng(devices=[] if shop.device == "cpu" else [shop.device]):
        torch.manual_seed(0)
        alone = _alone(shop, batch, trained)
    for group, tree in kept.items():
        shop.trees[group].copy_from(tree)
    reached = tuple(alone.gradients)
    if len(reached) < len(trained) and any(term.drift for term in shop.setting.recipe.local):
        lost = next(name for name in trained if name not in reached)
        raise _error(f"no batch reaches the parameter '{lost}', which a term of the strategy moves")
    draws, together = _stacked_step(shop, batch, reached, {g: [t, t] for g, t in kept.items()})
    for row in range(2):
        _compare(alone, together, row)
    return Part(reached, draws)


def _selected(shop: Workshop, phase: Phase) -> Mapping[str, Tensor]:
    select(shop, phase)
    shop.train()
    return dict(shop.model.named_parameters())


def _alone(shop: Workshop, batch: Any, trained: Sequence[str]) -> _Taken:
    parameters, training = dict(shop.model.named_parameters()), shop.setting.task.training
    loss = training.loss(shop.model(batch.inputs), batch.labels, shop.setting.options)
    found = torch.autograd.grad(loss, [parameters[name] for name in trained], allow_unused=True)
    gradients = {name: slope for name, slope in zip(trained, found, strict=True) if slope is not None}
    groups = [shop.trees[group] for group in groups_of(shop) if group.endswith("buffers")]
    buffers = {name: leaf.clone() for name, leaf in chain.from_iterable(tree.items() for tree in groups)}
    return _Taken(gradients, loss.detach(), buffers)


def _stacked_step(
    shop: Workshop, batch: Any, reached: Sequence[str], sources: Mapping[str, Any]
) -> tuple[bool, _Taken]:
    """Take the step of two stacked sites that both are the one site; return whether it drew."""
    try:
        stack = Stack.of(shop, sources)
        mode = SiteDraws([torch.Generator(shop.device).manual_seed(0) for _ in range(stack.count)])
        leaves = stacked_batch.stacked([stacked_batch.parts(batch)] * stack.count)
        trained = {name: stack.parameters[name] for name in reached}
        rest = {n: p for n, p in stack.parameters.items() if n not in trained} | stack.buffers
        with mode:
            gradients, (losses, after) = slopes_of(shop, batch, tuple(stack.buffers))(trained, rest, leaves)
        stack.settle(after)
    except Exception as error:  # whatever a model of anybody's may raise under vmap
        name, said = shop.setting.task.name, str(error).strip().split("\n")[0].split(". ")[0].rstrip(".")
        raise _error(f"the model of task '{name}' cannot be stacked ({said})") from error
    return mode.drew, _Taken(gradients, losses, stack.buffers)


def _compare(alone: _Taken, together: _Taken, row: int) -> None:
    pairs = {"the loss": (alone.loss, together.loss[row])}
    pairs |= {f"'{name}'": (value, together.buffers[name][row]) for name, value in alone.buffers.items()}
    for what, (one, other) in pairs.items():
        if _far(one, other, one):
            raise _differs(what)
    if alone.gradients:
        whole = torch.cat([slope.flatten() for slope in alone.gradients.values()])
        for name, slope in alone.gradients.items():
            # beside the whole gradient's length: one that is all rounding has no digit in common
            if _far(slope, together.gradients[name][row], whole):
                raise _differs(f"the gradient of '{name}'")


def _far(one: Tensor, other: Tensor, scale: Tensor) -> bool:
    apart = (one.double() - other.double()).norm()
    # what is no number alone may be none together
    return bool(apart > APART * (scale.double().norm() + 1e-30)) and bool(torch.isfinite(one).all())


def _differs(what: str) -> CompositionError:
    return _error(f"a step of stacked sites leaves {what} other than a step of one site alone")
