"""What a stacked forward pass draws, drawn site by site from each site's own generator."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from isofed.errors import CompositionError

_FILLS = {
    torch.ops.aten.rand_like.default: torch.ops.aten.uniform_.default,
    torch.ops.aten.randn_like.default: torch.ops.aten.normal_.default,
}
_MADE = {
    torch.ops.aten.rand.default: torch.ops.aten.uniform_.default,
    torch.ops.aten.randn.default: torch.ops.aten.normal_.default,
}


class SiteDraws(TorchDispatchMode):
    """Below vmap, where all sites' values lie in one tensor: fills row k from site k's generator.

    A site so draws the numbers that it would draw alone from a generator in the same state, by dropout of
    any kind and by everything else that fills or makes a tensor at random.

    Args:
        generators: one for each site, in the order of the stack.
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        self.generators = generators
        self.drew = False

    def __torch_dispatch__(
        self, call: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Compute what is called, or draw it."""
        if torch.Tag.nondeterministic_seeded not in call.tags:
            return call(*args, **(kwargs or {}))
        self.drew = True
        return _drawn(call, args, kwargs or {}, self.generators)


def _drawn(
    call: Any, args: tuple[Any, ...], kwargs: dict[str, Any], generators: Sequence[torch.Generator]
) -> Any:
    if call in _MADE:
        return _filled(_MADE[call], torch.empty(args[0], **kwargs), (), generators)
    if call in _FILLS:
        return _filled(_FILLS[call], torch.empty_like(args[0], **kwargs), (), generators)
    first, *further = args
    if not _by_rows(call, first, further, len(generators)):
        raise CompositionError(f"it draws by '{call.name()}', which cannot be drawn for each site by itself")
    if call._schema.is_mutable:
        return _filled(call, first, further, generators)
    return torch.stack(_rows(call, first, further, generators))


def _by_rows(call: Any, first: Any, further: Sequence[Any], sites: int) -> bool:
    named = {argument.name for argument in call._schema.arguments}
    whole = isinstance(first, Tensor) and first.dim() > 0 and len(first) == sites
    return whole and "generator" in named and not any(isinstance(each, Tensor) for each in further)


def _rows(
    call: Callable[..., Tensor], like: Tensor, further: Sequence[Any], generators: Sequence[torch.Generator]
) -> list[Tensor]:
    # a copy of a row is as dense as the tensor that the site would have had alone, and in the same order
    return [
        call(row.clone(), *further, generator=generator)
        for row, generator in zip(like, generators, strict=True)
    ]


def _filled(
    call: Callable[..., Tensor], into: Tensor, further: Sequence[Any], generators: Sequence[torch.Generator]
) -> Tensor:
    for row, drawn in zip(into, _rows(call, into, further, generators), strict=True):
        row.copy_(drawn)
    return into
