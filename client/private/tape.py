"""What every layer saw and what was asked of it: enough for the gradient of each example by itself.

Opacus says how a layer's gradient of one example follows from these two. It is asked for that alone: its own
module would hook the model for good, and would let autograd compute the gradients of whole batches as well,
which nobody needs here.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn


class Unlike(Exception):
    """A layer that is not one tensor of examples to another: the model is asked as a whole instead."""


@dataclass(frozen=True)
class Seen:
    """What went into a layer, (n, ...), and the loss's slope at what came out, (n, ...)."""

    into: Tensor
    slope: Tensor


@dataclass(eq=False)
class Tape:
    """One step of a model, recorded.

    Args:
        layers: those with parameters that are trained.
        count: n, examples of the batch.
    """

    layers: tuple[nn.Module, ...]
    count: int
    roots: list[Tensor] = field(default_factory=list)
    seen: dict[nn.Module, list[Seen]] = field(default_factory=dict)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what goes into the layers inside."""
        parameters = [p for layer in self.layers for p in layer.parameters(recurse=False) if p.requires_grad]
        handles = [layer.register_forward_hook(self._passed) for layer in self.layers]
        # the graph leads from layer to layer and leaves the parameters out, whose gradients nobody asks for
        for parameter in parameters:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in parameters:
                parameter.requires_grad_(True)
            for handle in handles:
                handle.remove()

    def _passed(self, layer: nn.Module, given: tuple[Any, ...], output: Any) -> Any:
        if not torch.is_grad_enabled():
            return None
        if len(given) != 1 or not isinstance(given[0], Tensor) or not isinstance(output, Tensor):
            raise Unlike
        into = given[0].detach()
        if len(into) != self.count or len(output) != self.count:
            raise Unlike  # such as the frames of films, of which an example has several
        if not output.requires_grad:
            root = output.detach().requires_grad_()
            self.roots.append(root)
            output = root.clone()  # which may be changed in place, as no leaf may
        version = into._version

        def asked(slope: Tensor) -> None:
            if into._version != version:
                raise Unlike
            self.seen.setdefault(layer, []).append(Seen(into, slope))

        output.register_hook(asked)
        return output

    def without(self, rows: Tensor) -> None:
        """Forget these examples: their gradients are zero from here on.

        Args:
            rows: (n,) bool.
        """
        for layer, all_seen in self.seen.items():
            self.seen[layer] = [Seen(blank(s.into, rows), blank(s.slope, rows)) for s in all_seen]

    def rewind(self, loss: Tensor) -> None:
        """Find the slopes, of the sum of the examples' losses.

        Args:
            loss: their mean.
        """
        if self.roots and loss.requires_grad:
            with torch.enable_grad():
                whole = loss * self.count
            torch.autograd.grad(whole, self.roots, allow_unused=True)


def blank(value: Tensor, rows: Tensor) -> Tensor:
    """Return (n, ...) with zeros for some of n, given as (n,) bool."""
    return value.masked_fill(rows.view(-1, *[1] * (value.dim() - 1)), 0.0)


def layers_of(model: nn.Module, trained: Iterable[Tensor]) -> tuple[nn.Module, ...] | None:
    """Return the layers that hold the trained parameters; None where gradients cannot be told layer by layer,
    because a parameter is in two of them, or beside other layers inside of one."""
    wanted = {id(parameter) for parameter in trained}
    found: list[nn.Module] = []
    for layer in model.modules():
        own = {id(p) for p in layer.parameters(recurse=False)} & wanted
        if own and any(True for _ in layer.children()):
            return None
        if own:
            wanted -= own
            found.append(layer)
    shared = sum(len(list(layer.parameters(recurse=False))) for layer in found) != len(
        {id(p) for layer in found for p in layer.parameters(recurse=False)}
    )
    return None if wanted or shared else tuple(found)


@cache
def _samplers() -> tuple[Any, Any]:
    """Return Opacus' functions by type of layer, and the one for all others; it is an extra."""
    known = import_module("opacus.grad_sample").GradSampleModule.GRAD_SAMPLERS
    return known, import_module("opacus.grad_sample.functorch").ft_compute_per_sample_gradient


def samples_of(layer: nn.Module, seen: Seen) -> dict[nn.Parameter, Tensor]:
    """Return each example's gradient of the layer's parameters, (n, ...)."""
    known, other = _samplers()
    found: dict[nn.Parameter, Tensor] = known.get(type(layer), other)(layer, [seen.into], seen.slope)
    return {parameter: each for parameter, each in found.items() if parameter.requires_grad}
