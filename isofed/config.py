"""Reading configuration: the dataclass of a thing is its schema."""

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_type_hints

from isofed.errors import ConfigError
from isofed.suggest import nearest

T = TypeVar("T")
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def read(schema: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build ``schema`` (a dataclass of bool, int, float and str fields) from a mapping.

    Args:
        schema: the dataclass; fields without a default are required.
        values: names and values, as they come from YAML, JSON or a command line.
        where: how the error names the place, such as ``"task"``.

    Raises:
        ConfigError: an unknown key (with the nearest known one), a missing one, a value of another type.
    """
    types = get_type_hints(schema)
    known = [f.name for f in dataclasses.fields(schema)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(f"unknown key '{where}.{key}'{nearest(key, known)} known: {', '.join(known)}")
    for field in dataclasses.fields(schema):  # type: ignore[arg-type]
        if field.default is dataclasses.MISSING and field.name not in values:
            raise ConfigError(f"'{where}.{field.name}' is missing: give {_wanted(types[field.name])}")
    return schema(**{k: _as(types[k], v, f"{where}.{k}") for k, v in values.items()})


def _wanted(kind: Any) -> str:
    return _NAMES.get(kind, str(kind))


def _as(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in _NAMES and (type(value) is not kind):
        raise ConfigError(f"'{where}' is {value!r}, but must be {_wanted(kind)}")
    return value


def digest(value: Any) -> str:
    """SHA-256 of JSON values, keys sorted, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise ConfigError unless low <= value <= high."""
    if not low <= value <= high:
        raise ConfigError(f"'{name}' is {value}, but must lie between {low:g} and {high:g}")


def call(function: Callable[..., T], values: Mapping[str, Any], where: str) -> T:
    """Call ``function`` with keyword arguments from a mapping; its signature is the schema.

    Raises:
        ConfigError: as :func:`read`.
    """
    types = get_type_hints(function)
    known = list(inspect.signature(function).parameters)
    for key in values:
        if key not in known:
            raise ConfigError(f"unknown key '{where}.{key}'{nearest(key, known)} {_listed(known)}")
    return function(**{k: _as(types.get(k), v, f"{where}.{k}") for k, v in values.items()})


def _listed(known: list[str]) -> str:
    return f"known: {', '.join(known)}" if known else "it takes none"
