"""Steps as the list of operations that they come to, once they were taken often.

Autograd notes down every operation, and under vmap each passes through several layers: for small models that
takes longer than the operations themselves. The list has the same, in the same order.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx

from isofed.client.stacked_model import Named, Slopes
from isofed.client.traced_graph import function_of
from isofed.client.traced_mind import mind_of, remind

OFTEN = 16  # steps of one kind; to look through one takes about as long as these
MOST = 256  # kinds that are told apart

Given = tuple[Named, Named, Sequence[Tensor]]
Found = tuple[Named, tuple[Tensor, Named]]


@dataclass
class _Kind:
    """Steps whose tensors have the same names, shapes and strides.

    Args:
        taken: how many, until their operations are known.
        listed: takes a step by its operations.
    """

    taken: int = 0
    listed: Slopes | None = None


@dataclass
class Traced:
    """Takes a workshop's steps, stacked ones or those of one site, by their operations where these are known.

    The 16th step of a kind is looked through. What is found is used if on that step it gives the
    bits of all gradients, losses and buffers that the step itself gives. One that draws, or that cannot be
    looked through, is always taken as it stands.

    Args:
        model: a step that is not given all of its parameters and buffers is taken as it stands.
    """

    model: nn.Module
    _kinds: dict[Any, _Kind] = field(default_factory=dict)
    _states: dict[Any, int] = field(default_factory=dict)

    def number_of(self, trained: Named, rest: Named) -> int:
        """Return a number that parameters and buffers share with all others that a step's operations fit."""
        tensors = chain(trained.values(), rest.values())
        looks = tuple(trained), tuple(rest), *map(_look, tensors)
        return self._states.setdefault(looks, len(self._states))

    def take(self, slopes: Slopes, given: Given, constants: Any, state: int | None = None) -> Found:
        """Return what ``slopes`` makes of ``given``.

        Args:
            slopes: see :func:`isofed.client.stacked_model.slopes_of`.
            given: parameters to differentiate, all other parameters and buffers, the batch's tensors.
            constants: what the batch holds beside tensors.
            state: what :meth:`number_of` says of the first two, where the caller knows.
        """
        trained, rest, leaves = given
        known = self.number_of(trained, rest) if state is None else state
        alike = constants, known, *map(_look, leaves)
        kind = self._kinds.get(alike) or _Kind()
        if kind.listed is not None:
            return kind.listed(*given)
        if len(self._kinds) < MOST:
            self._kinds[alike] = kind
        kind.taken += 1
        if kind.taken == OFTEN and self._whole(given):
            return _compared(kind, slopes, given, self.model)
        return slopes(*given)

    def _whole(self, given: Given) -> bool:
        names = chain(self.model.named_parameters(), self.model.named_buffers())
        return {name for name, _ in names} <= {*given[0], *given[1]}


def _look(tensor: Tensor) -> Any:
    return tensor.shape, tensor.stride(), tensor.dtype


def _flat(given: Given) -> list[Tensor]:
    trained, rest, leaves = given
    return [*trained.values(), *rest.values(), *leaves]


def _filled(given: Given, values: Iterator[Tensor]) -> Given:
    """Return other tensors under the same names."""
    trained, rest, _ = given
    return {name: next(values) for name in trained}, {name: next(values) for name in rest}, list(values)


def _compared(kind: _Kind, slopes: Slopes, given: Given, model: nn.Module) -> Found:
    """Take a step as it stands, and by its operations; keep these if they give the same, and if the model
    kept nothing in mind meanwhile that it was not given."""
    beside = _filled(given, (_apart(tensor) for tensor in _flat(given)))
    found, mind = slopes(*given), mind_of(model)
    if mind is None:
        return found
    listed = None
    with suppress(Exception):  # whatever a model of anybody's may raise that is looked through
        listed = listed_of(slopes, beside)
        listed = listed if _same(found, listed(*beside)) else None
    kind.listed = None if remind(model, mind) else listed
    return found


def _apart(tensor: Tensor) -> Tensor:
    """Return a copy that lies as the tensor does: operations fit its strides."""
    whole = tensor.detach()
    copy = (
        whole.clone()
        if 0 in whole.stride()
        else torch.empty_strided(whole.shape, whole.stride(), dtype=whole.dtype, device=whole.device).copy_(
            whole
        )
    )
    return copy.requires_grad_(tensor.requires_grad)


def _same(one: Found, other: Found) -> bool:
    (slopes, (losses, after)), (slopes2, (losses2, after2)) = one, other
    if [*slopes, *after] != [*slopes2, *after2]:
        return False
    pairs = [(losses, losses2), *((value, slopes2[name]) for name, value in slopes.items())]
    pairs += [(value, after2[name]) for name, value in after.items()]
    return all(same_bits(value, again) for value, again in pairs)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors are one to the last bit, the sign of a zero included."""
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    return torch.equal(one.reshape(-1).view(torch.uint8), other.reshape(-1).view(torch.uint8))


def listed_of(slopes: Slopes, given: Given) -> Slopes:
    """Return a function that does what ``slopes`` does, by its operations, with tensors like ``given``.

    Raises:
        Exception: it cannot be looked through, as where it asks for a tensor's numbers.
        ValueError: it draws random numbers.
    """
    names: list[list[str]] = []

    def straight(*tensors: Tensor) -> list[Tensor]:
        gradients, (losses, after) = slopes(*_filled(given, iter(tensors)))
        names.extend([list(gradients), list(after)])
        return [losses, *gradients.values(), *after.values()]

    # with stand-ins that hold no numbers: nothing is computed, and nothing of the site's changed
    graph = make_fx(straight, tracing_mode="fake", _allow_non_fake_inputs=True)(*_flat(given))
    operations, (gradients, after) = function_of(graph), names

    def listed(*given: Any) -> Found:
        with torch.no_grad():
            losses, *values = operations(*_flat(given))
        found = iter(values)
        return {name: next(found) for name in gradients}, (losses, {name: next(found) for name in after})

    return listed
