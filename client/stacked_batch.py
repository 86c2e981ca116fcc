"""Many sites' batches stacked, whatever structure a task gives its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

import torch
from torch import Tensor

CONSTANTS = (type(None), bool, int, float, str)
LEAVES = (Tensor, *CONSTANTS)


def parts(value: Any) -> list[Any]:
    """Return the tensors and the constants in a batch, in order; dataclasses, mappings and sequences are
    gone through.

    Raises:
        TypeError: it holds something else.
    """
    if isinstance(value, LEAVES):
        return [value]
    found: list[Any] = []
    for inner in _inner(value):
        if isinstance(inner, LEAVES):  # the usual case, without a call of its own
            found.append(inner)
        else:
            found += parts(inner)
    return found


def _inner(value: Any) -> Sequence[Any]:
    if is_dataclass(value):
        return [getattr(value, name) for name in value.__dataclass_fields__]
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, tuple | list):
        return value
    raise TypeError(f"its batches hold a {type(value).__name__}")


def form(value: Any) -> Any:
    """Return how a batch is put together, without its tensors and constants: types, and keys of mappings."""
    if isinstance(value, Tensor):
        return None
    if isinstance(value, CONSTANTS):
        return type(value)
    keys = tuple(value) if isinstance(value, Mapping) else ()
    return type(value), keys, *map(form, _inner(value))


def refilled(value: Any, given: Iterator[Tensor]) -> Any:
    """Return a batch with the tensors of ``given`` in the places of its own."""
    if isinstance(value, Tensor):
        return next(given)
    if isinstance(value, CONSTANTS):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: refilled(getattr(value, f.name), given) for f in fields(value)})
    if isinstance(value, Mapping):
        return {name: refilled(inner, given) for name, inner in value.items()}
    inner = [refilled(each, given) for each in value]
    return type(value)(*inner) if hasattr(value, "_fields") else type(value)(inner)


def signature(found: Sequence[Any]) -> tuple[Any, ...]:
    """Return what the parts of batches must have in common to be stacked: shapes, dtypes, constants."""
    return tuple((part.shape, part.dtype) if isinstance(part, Tensor) else part for part in found)


def stacked(batches: Sequence[Sequence[Any]]) -> list[Tensor]:
    """Return the tensors of K batches of one signature, given by their parts, (K, ...) each."""
    return [torch.stack(each) for each in zip(*batches, strict=True) if isinstance(each[0], Tensor)]
