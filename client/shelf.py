"""What a process holds open of many sites' data: those that were used last, up to a bound."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

BOUND = 192 * 2**20
OBJECT = 1024  # bytes of an opened thing beside its arrays


@dataclass
class Shelf:
    """Keeps what was opened; where it grows over a bound, what was not used for longest is dropped."""

    _held: dict[str, Any] = field(default_factory=dict, repr=False)
    _bytes: int = 0

    def get(self, key: str, make: Callable[[], Any], bound: int | None = None) -> Any:
        """Return what stands under a key, made if it is not there; the last one asked for always stays.

        Args:
            key: names it in this process.
            make: opens it.
            bound: bytes of arrays in memory, or None for no bound. What is mapped from a file costs nothing:
                the system lets go of it.
        """
        if key in self._held:
            self._held[key] = self._held.pop(key)  # a dict keeps the order in which keys came
            return self._held[key]
        made = make()
        self._held[key], self._bytes = made, self._bytes + weight(made)
        while bound is not None and self._bytes > bound and len(self._held) > 1:
            self._bytes -= weight(self._held.pop(next(iter(self._held))))
        return made


def plain(values: Any) -> Any:
    """Return a mapped array as an ordinary one over the same file: its rows are taken in half the time."""
    return np.asarray(values) if isinstance(values, np.memmap) else values


def weight(value: Any) -> int:
    """Return the bytes that go when this is dropped: of its arrays, each once, but for those in a file."""
    return OBJECT + sum({id(array): array.nbytes for array in _arrays(value) if not _mapped(array)}.values())


def _arrays(value: Any) -> Iterator[Any]:
    if hasattr(value, "nbytes"):  # a tensor has that, too
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _arrays(each)
    elif is_dataclass(value):
        for named in fields(value):
            yield from _arrays(getattr(value, named.name))


def _mapped(array: Any) -> bool:
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False
