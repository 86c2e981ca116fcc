"""A site's own steps by the operations that they come to."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from isofed.client import stacked_batch
from isofed.client.precision import Precision
from isofed.client.stacked_model import Named
from isofed.client.traced import Found, Traced
from isofed.client.workshop import Workshop
from isofed.spans import BACKWARD, FORWARD, span


def can_be(shop: Workshop, precision: Precision) -> bool:
    """Return whether a run's steps are a function of parameters, buffers and batch: in single precision, and
    without a term that adds to the loss or looks at what a step put out."""
    terms = shop.setting.recipe.local
    return precision.dtype is None and not any(term.loss or term.stepped for term in terms)


def taken(shop: Workshop, batch: Any, trained: Sequence[Tensor]) -> tuple[Tensor, list[Tensor | None]] | None:
    """Return a step's loss and gradients, None where the loss does not reach, to the bit what the step gives
    that autograd notes down; or None where a batch holds what cannot be looked through.

    Args:
        shop: model, in training mode, and task.
        batch: the step's.
        trained: parameters to differentiate.
    """
    try:
        parts = stacked_batch.parts(batch)
    except TypeError:
        return None
    leaves = [part for part in parts if isinstance(part, Tensor)]
    constants = tuple(part for part in parts if not isinstance(part, Tensor))
    flowing = {id(parameter) for parameter in trained}
    own = {name: p for name, p in shop.parameters.items() if id(p) in flowing}
    rest = {name: p for name, p in shop.parameters.items() if id(p) not in flowing}
    rest.update(shop.model.named_buffers())
    traced: Traced = vars(shop).setdefault("traced_alone", Traced(shop.model))
    with span(BACKWARD):
        gradients, (loss, after) = traced.take(_slopes(shop, batch, own), (own, rest, leaves), constants)
    for name, value in after.items():
        if value.data_ptr() != rest[name].data_ptr():
            rest[name].copy_(value)
    return loss, [gradients.get(name) for name in own]


def _slopes(shop: Workshop, batch: Any, own: Named) -> Any:
    """Return the function to a site's gradients, loss and buffers: see stacked_model.slopes_of."""
    training, options, model = shop.setting.task.training, shop.setting.options, shop.model
    names = [name for name, _ in model.named_buffers()]

    def slopes(trained: Named, rest: Named, leaves: Sequence[Tensor]) -> Found:
        state = trained | rest
        with span(FORWARD):
            given = batch if trained is own else stacked_batch.refilled(batch, iter(leaves))
            # the model as it is, but where it is looked through
            output = model(given.inputs) if trained is own else functional_call(model, state, (given.inputs,))
            loss = training.loss(output, given.labels, options)
        found = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
        gradients = {n: slope for n, slope in zip(trained, found, strict=True) if slope is not None}
        kept = dict(model.named_buffers()) if trained is own else state
        return gradients, (loss.detach(), {name: kept[name] for name in names})

    return slopes
