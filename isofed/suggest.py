"""Did-you-mean for names."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TypeVar

from isofed.errors import ConfigError

T = TypeVar("T")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"``, or an empty string where nothing known is near."""
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def unknown(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """Build the error for a name that is in no list: the name, the nearest one, the list."""
    names = sorted(known)
    return ConfigError(f"unknown {kind} '{name}'{nearest(name, names)} known: {', '.join(names)}")


def pick(kind: str, name: str, table: dict[str, T]) -> T:
    """Look ``name`` up in ``table``, raising :func:`unknown` where it is missing."""
    if name not in table:
        raise unknown(kind, name, table)
    return table[name]
