"""What a process holds open of many sites' data: those that were used last, up to a bound."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

BOUND = 256 * 2**20
OBJECT = 1024  # bytes of an opened thing beside its arrays


@dataclass
class Shelf:
    """Keeps what was opened; where it grows over the bound, what was not used for longest is dropped.

    Args:
        bound: bytes of arrays in memory. What is mapped from a file costs nothing: the system lets go of it.
    """

    bound: int = BOUND
    _held: dict[str, Any] = field(default_factory=dict, repr=False)
    _bytes: int = 0

    def get(self, key: str, make: Callable[[], Any]) -> Any:
        """Return what stands under a key, made if it is not there; the last one asked for always stays."""
        if key in self._held:
            self._held[key] = self._held.pop(key)  # a dict keeps the order in which keys came
            return self._held[key]
        made = make()
        self._held[key], self._bytes = made, self._bytes + weight(made)
        while self._bytes > self.bound and len(self._held) > 1:
            self._bytes -= weight(self._held.pop(next(iter(self._held))))
        return made


def weight(value: Any) -> int:
    """Return the bytes that go when this is dropped: of its arrays, but for those in a file."""
    return OBJECT + _arrays(value)


def _arrays(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return 0 if _mapped(value) else value.nbytes
    if isinstance(value, tuple | list):
        return sum(map(_arrays, value))
    if is_dataclass(value):
        return sum(_arrays(getattr(value, each.name)) for each in fields(value))
    return int(getattr(value, "nbytes", 0))


def _mapped(array: Any) -> bool:
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False
