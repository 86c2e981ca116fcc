"""Reading configuration: the dataclass of a thing is its schema."""

import dataclasses
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from isofed.errors import ConfigError
from isofed.suggest import hint

T = TypeVar("T")
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}


def read(schema: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build ``schema`` (a dataclass of bool, int, float and str fields) from a mapping.

    Args:
        schema: the dataclass; fields without a default are required.
        values: names and values, as they come from YAML, JSON or a command line.
        where: how the error names the place, such as ``"task"``; ``""`` for the top.

    Raises:
        ConfigError: an unknown key (with the nearest known one), a missing one, a value of another type.
    """
    types = get_type_hints(schema)
    known = [f.name for f in dataclasses.fields(schema)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(f"unknown key '{_at(where, key)}'{hint(key, known)} known: {', '.join(known)}")
    for field in dataclasses.fields(schema):  # type: ignore[arg-type]
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and field.name not in values:
            raise ConfigError(f"'{_at(where, field.name)}' is missing: give {_wanted(types[field.name])}")
    return _placed(schema, {k: _as(types[k], v, _at(where, k)) for k, v in values.items()}, where)


def _placed(make: Callable[..., T], values: Mapping[str, Any], where: str) -> T:
    """Call ``make``; what it refuses is told with the place, which it cannot know."""
    try:
        return make(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}" if where else str(error)) from None


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _wanted(kind: Any) -> str:
    return _NAMES.get(kind, str(kind))


def _as(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, UnionType):
        return value if value is None else _as(get_args(kind)[0], value, where)
    if get_origin(kind) is dict and not isinstance(value, Mapping):
        raise ConfigError(f"'{where}' is {value!r}, but must be a group of keys")
    if kind in _NAMES and (type(value) is not kind):
        raise ConfigError(f"'{where}' is {value!r}, but must be {_wanted(kind)}")
    return value


def digest(value: Any) -> str:
    """SHA-256 of JSON values, keys sorted, 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def within(name: str, value: float, low: float, high: float) -> None:
    """Raise ConfigError unless low <= value <= high."""
    if not low <= value <= high:
        raise ConfigError(f"'{name}' is {value}, but must lie between {_shown(low)} and {_shown(high)}")


def _shown(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:g}"


def call(function: Callable[..., T], values: Mapping[str, Any], where: str) -> T:
    """Call ``function`` with keyword arguments from a mapping; its signature is the schema.

    Where it ends in ``**options``, keys that it does not name are handed over as they are.

    Raises:
        ConfigError: as :func:`read`.
    """
    types = get_type_hints(function)
    given = inspect.signature(function).parameters
    parameters = {name: found for name, found in given.items() if found.kind is not found.VAR_KEYWORD}
    known = list(parameters)
    for key in values:
        if key not in known and len(known) == len(given):
            raise ConfigError(f"unknown key '{where}.{key}'{hint(key, known)} {_listed(known)}")
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in values:
            raise ConfigError(f"'{where}.{name}' is missing: give {_wanted(types.get(name))}")
    return _placed(function, {k: _as(types.get(k), v, f"{where}.{k}") for k, v in values.items()}, where)


def _listed(known: list[str]) -> str:
    return f"known: {', '.join(known)}" if known else "it takes none"
