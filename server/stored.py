"""What a strategy of Flower's keeps between two rounds, as trees, and back."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord
from flwr.serverapp.strategy import Strategy

from isofed.errors import CheckpointError
from isofed.trees import Tree, from_arrays

UNSTORED = "unstored:"
KINDS = "biuf"


def stored(strategy: Strategy, fresh: Strategy) -> dict[str, Tree]:
    """Return all that is not as it was when the strategy was made: arrays, collections of them, and numbers.

    Keys are ``kind:path.of.attribute``. What cannot be stored is told by a single key: it begins with
    ``UNSTORED`` and ends in the attribute's name.

    Args:
        strategy: after a round.
        fresh: made from the same options.
    """
    try:
        return dict(_walk(strategy, fresh, ""))
    except CheckpointError as error:
        return {f"{UNSTORED}{error}": from_arrays({})}


def restored(fresh: Strategy, state: Mapping[str, Tree]) -> Strategy:
    """Return ``fresh`` with the attributes that :func:`stored` returned."""
    for key, tree in state.items():
        kind, _, path = key.partition(":")
        *parents, name = path.split(".")
        owner: Any = fresh
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, name, _value(kind, {leaf: np.array(array) for leaf, array in tree.items()}))
    return fresh


def unstored(state: Mapping[str, Tree]) -> str:
    """Return the name of what could not be stored, or nothing."""
    return next((key.removeprefix(UNSTORED) for key in state if key.startswith(UNSTORED)), "")


def _walk(strategy: Strategy, fresh: Strategy, path: str) -> Iterator[tuple[str, Tree]]:
    before = vars(fresh)
    for name, value in vars(strategy).items():
        if isinstance(value, Strategy) and isinstance(before.get(name), Strategy):
            yield from _walk(value, before[name], f"{path}{name}.")
        elif not _same(value, before.get(name)):
            kind, arrays = _arrays(value, f"{path}{name}")
            yield f"{kind}:{path}{name}", from_arrays(arrays)


def _same(value: Any, before: Any) -> bool:
    if value is before or (isinstance(value, ArrayRecord) and not value and value == before):
        return True
    # of other kinds, equal ones could still differ: an array in one place, or NaN
    plain = (bool, int, float, str, list, dict, tuple, set)
    try:
        return type(value) is type(before) and isinstance(value, plain) and bool(value == before)
    except ValueError:
        return False


def _arrays(value: Any, path: str) -> tuple[str, dict[str, np.ndarray]]:
    """Return the kind of a value and its arrays by name."""
    if isinstance(value, ArrayRecord):
        return "record", {name: array.numpy() for name, array in value.items()}
    kinds = {dict: "dict", list: "list", tuple: "tuple", np.ndarray: "array"}
    kind = kinds.get(type(value), "number")
    items = (
        value.items()
        if kind == "dict"
        else enumerate(value)
        if kind in ("list", "tuple")
        else [(kind, value)]
    )
    arrays = {str(name): np.asarray(each) for name, each in items if _storable(each)}
    if len(arrays) < (len(value) if kind in ("dict", "list", "tuple") else 1):
        raise CheckpointError(path)
    return kind, arrays


def _storable(value: Any) -> bool:
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in KINDS
    return isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 2**63)


def _value(kind: str, arrays: Mapping[str, np.ndarray]) -> Any:
    if kind == "record":
        return ArrayRecord({name: Array(array) for name, array in arrays.items()})
    if kind in ("array", "number"):
        return arrays[kind] if kind == "array" else arrays[kind].item()
    if kind == "dict":
        return dict(arrays)
    return list(arrays.values()) if kind == "list" else tuple(arrays.values())
