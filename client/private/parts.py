"""A unit's gradient, part by part of the model: its length, and a weighted sum over units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isofed.client.private.tape import Seen, Tape, samples_of


@dataclass(frozen=True)
class Part:
    """Some parameters' share of every unit's gradient.

    Args:
        squares: (u,) squared lengths.
        sum: (u,) factors to the sum over units of factor times gradient, by parameter.
    """

    squares: Tensor
    sum: Callable[[Tensor], Mapping[nn.Parameter, Tensor]]


def of_samples(found: Mapping[nn.Parameter, Tensor], mean: Tensor | None) -> Part:
    """Return the part of gradients that are there, (n, ...) by parameter.

    Args:
        found: of each example.
        mean: (u, n) from examples to units, or None where they are the same.
    """
    flat = {p: each.reshape(len(each), -1) for p, each in found.items()}
    if mean is not None:
        flat = {p: mean @ each for p, each in flat.items()}
    lengths = [torch.linalg.vector_norm(each, dim=1) for each in flat.values()]
    squares = torch.stack(lengths).square().sum(0)
    return Part(squares, lambda factors: {p: (factors @ each).view_as(p) for p, each in flat.items()})


def of_vectors(layer: nn.Linear, seen: Seen) -> Part:
    """Return the part of a dense layer on one vector an example: s aᵀ, whose length is |s| |a|.

    No example's gradient is ever written down.

    Source: Goodfellow, Efficient Per-Example Gradient Computations, 2015, section 4.
    """
    a, s = seen.into, seen.slope
    lengths = s.square().sum(1)
    squares = torch.zeros_like(lengths)
    if layer.weight.requires_grad:
        squares = squares + lengths * a.square().sum(1)
    if _has_bias(layer):
        squares = squares + lengths

    def summed(factors: Tensor) -> dict[nn.Parameter, Tensor]:
        scaled = s * factors[:, None]
        found: dict[Any, Tensor] = {layer.weight: scaled.T @ a} if layer.weight.requires_grad else {}
        return {**found, layer.bias: scaled.sum(0)} if _has_bias(layer) else found

    return Part(squares, summed)


def of_places(layer: nn.Module, seen: Seen) -> Part:
    """Return the part of a layer whose gradient is written down for its length, and then forgotten.

    The sum over units is one ordinary gradient, of slopes that are scaled: ghost clipping's second pass.
    """
    found = samples_of(layer, seen)
    squares = torch.stack(
        [torch.linalg.vector_norm(each.flatten(1), dim=1) for each in found.values()]
    ).square()
    kept = list(found)
    del found

    def summed(factors: Tensor) -> dict[nn.Parameter, Tensor]:
        shape = (-1,) + (1,) * (seen.slope.dim() - 1)
        with torch.enable_grad():
            output = layer(seen.into)
        slopes = torch.autograd.grad(output, kept, seen.slope * factors.view(shape))
        return dict(zip(kept, slopes, strict=True))

    return Part(squares.sum(0), summed)


def parts_of(tape: Tape, mean: Tensor | None, ghost: bool) -> list[Part]:
    """Return all parts of a recorded step.

    Args:
        tape: with its slopes.
        mean: as in :func:`of_samples`.
        ghost: whether gradients of layers that are used once are not kept.
    """
    made = []
    for layer, seen in tape.seen.items():
        once = len(seen) == 1 and mean is None
        if once and isinstance(layer, nn.Linear) and seen[0].into.dim() == 2:
            made.append(of_vectors(layer, seen[0]))
        elif once and ghost:
            made.append(of_places(layer, seen[0]))
        else:
            made.append(of_samples(_added(layer, seen), mean))
    return made


def _added(layer: nn.Module, seen: list[Seen]) -> Mapping[nn.Parameter, Tensor]:
    first, *rest = (samples_of(layer, each) for each in seen)
    for other in rest:
        first = {p: each + other[p] for p, each in first.items()}
    return first


def _has_bias(layer: nn.Linear) -> bool:
    return layer.bias is not None and layer.bias.requires_grad
