"""A site's own steps by the operations that they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class Steps:
    """The steps of a phase at a site.

    Args:
        shop: model, in training mode, and task.
        own: the parameters that are trained.
        rest: all other parameters, and the buffers.
        buffers: names of these.
        traced: knows the operations.
        state: the number that it has for both.
    """

    shop: Workshop
    own: Named
    rest: Named
    buffers: tuple[str, ...]
    traced: Traced
    state: int

    @classmethod
    def of(cls, shop: Workshop, trained: Sequence[Tensor]) -> "Steps":
        """Prepare for steps that differentiate these parameters."""
        flowing, buffers = {id(parameter) for parameter in trained}, dict(shop.model.named_buffers())
        own: Named = {name: p for name, p in shop.parameters.items() if id(p) in flowing}
        rest: Named = {name: p for name, p in shop.parameters.items() if name not in own}
        rest.update(buffers)
        traced = vars(shop).setdefault("traced_alone", Traced(shop.model))
        return cls(shop, own, rest, tuple(buffers), traced, traced.number_of(own, rest))

    def taken(self, batch: Any) -> tuple[Tensor, list[Tensor | None]] | None:
        """Return a step's loss and gradients, None where the loss does not reach, to the bit what the step
        gives that autograd notes down; or None where a batch holds what cannot be looked through."""
        try:
            parts = stacked_batch.parts(batch)
        except TypeError:
            return None
        leaves = [part for part in parts if isinstance(part, Tensor)]
        constants = (stacked_batch.form(batch), *(part for part in parts if not isinstance(part, Tensor)))
        given = self.own, self.rest, leaves
        with span(BACKWARD):
            slopes, (loss, after) = self.traced.take(self._slopes(batch), given, constants, self.state)
        for name, value in after.items():
            if value.data_ptr() != self.rest[name].data_ptr():
                self.rest[name].copy_(value)
        return loss, [slopes.get(name) for name in self.own]

    def _slopes(self, batch: Any) -> Any:
        """Return the function to gradients, loss and buffers: see stacked_model.slopes_of."""
        training, options, model = self.shop.setting.task.training, self.shop.setting.options, self.shop.model

        def slopes(trained: Named, rest: Named, leaves: Sequence[Tensor]) -> Found:
            # the model as it is, but where it is looked through
            itself, state = trained is self.own, trained | rest
            with span(FORWARD):
                given = batch if itself else stacked_batch.refilled(batch, iter(leaves))
                output = model(given.inputs) if itself else functional_call(model, state, (given.inputs,))
                loss = training.loss(output, given.labels, options)
            found = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
            gradients = {n: slope for n, slope in zip(trained, found, strict=True) if slope is not None}
            kept = dict(model.named_buffers()) if itself else state
            return gradients, (loss.detach(), {name: kept[name] for name in self.buffers})

        return slopes
