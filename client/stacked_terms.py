"""A recipe's local terms beside stacked training: each site's own code on its own rows."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from isofed import seeds
from isofed.client.epoch import steps_of
from isofed.client.gradient import mean_gradient, mean_loss
from isofed.client.memory import Sections
from isofed.client.place import Place
from isofed.client.stacked_model import Stack
from isofed.client.train import TERM, _term_start, load
from isofed.client.workshop import Workshop
from isofed.records import Order


@dataclass(frozen=True)
class Work:
    """What one site is asked."""

    place: Place
    order: Order
    memory: Sections
    version: str


@dataclass(frozen=True, eq=False)
class SiteTerms:
    """One site's terms in a round: their states, and the site's parameters, which are rows of the stack."""

    states: list[Any]
    parameters: Mapping[str, Tensor]


def layers_seed(shop: Workshop, work: Work) -> int:
    """Return the seed of everything that a site's layers draw in a round."""
    return seeds.public_key(shop.setting.seed, work.order.round, work.place.site, "layers") % 2**63


def begun(shop: Workshop, work: Work, stack: Stack, row: int) -> SiteTerms:
    """Start the terms of one site on a model whose parameters and buffers are its rows."""
    if not shop.setting.recipe.local:
        return SiteTerms([], {})
    model = _over(shop.model, stack, row)
    with torch.random.fork_rng(devices=[] if shop.device == "cpu" else [shop.device]):
        torch.manual_seed(layers_seed(shop, work))
        states = [
            term.start(_start(shop, work, model, work.memory.get(TERM + term.name)))
            for term in shop.setting.recipe.local
        ]
    return SiteTerms(states, dict(model.named_parameters()))


def _over(model: nn.Module, stack: Stack, row: int) -> nn.Module:
    """Return a module like ``model`` over one site's rows; what is never trained is shared, not copied."""
    memo: dict[int, Any] = {}
    for name, parameter in model.named_parameters():
        own = stack.parameters[name][row] if name in stack.parameters else None
        memo[id(parameter)] = parameter if own is None else nn.Parameter(own, parameter.requires_grad)
    memo |= {id(b): stack.buffers[n][row] for n, b in model.named_buffers() if n in stack.buffers}
    made: nn.Module = copy.deepcopy(model, memo)
    return made


def _start(shop: Workshop, work: Work, model: nn.Module, remembered: Any) -> Any:
    def of(measure: Any) -> Any:
        load(shop, work.order, work.memory)  # these look at the workshop's own model
        return measure(shop, (step.batch for step in steps_of(shop, work.place, work.order)))

    given = _term_start(shop, work.place, work.order, remembered)
    return replace(given, model=model, gradient=lambda: of(mean_gradient), mean_loss=lambda: of(mean_loss))


def push(shop: Workshop, sites: Sequence[SiteTerms], gradients: Mapping[str, Tensor]) -> None:
    """Add every site's drifts to its rows of the gradients."""
    drifts = [(n, term.drift) for n, term in enumerate(shop.setting.recipe.local) if term.drift]
    for number, drift in drifts:
        for row, site in enumerate(sites):
            pushes = drift(site.states[number], dict(site.parameters))
            mine = {name: value for name, value in pushes.items() if name in gradients}
            if mine:
                torch._foreach_add_([gradients[name][row] for name in mine], list(mine.values()))
