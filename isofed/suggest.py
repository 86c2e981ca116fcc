"""Did-you-mean for names."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from isofed.errors import ConfigError

T = TypeVar("T")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"``, or an empty string where nothing known is near."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def hint(name: str, known: Iterable[str]) -> str:
    """Return what stands between a complaint and the list of names: the question, or a semicolon."""
    return nearest(name, known) or ";"


def unknown(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Build the error for a name that is in no list: the name, the nearest one, the list."""
    names = sorted(known)
    return ConfigError(f"unknown {kind} '{name}'{hint(name, names)} known: {', '.join(names)}")


def pick(kind: str, name: str, table: Mapping[str, T]) -> T:
    """Look ``name`` up in ``table``, raising :func:`unknown` where it is missing."""
    if not isinstance(name, str) or name not in table:
        raise unknown(kind, str(name), table)
    return table[name]
