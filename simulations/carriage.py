"""Messages between a process and its workers: small things as bytes, arrays by their place in a slab."""

import io
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, RecordDict

from isofed.protocols.wire import Held

ALIGNED = 64  # bytes; vector instructions like it

Placed = tuple[str, tuple[int, ...], int]


@dataclass
class Writer:
    """Writes values into bytes, and their arrays into a slab for as long as there is room.

    Args:
        slab: (bytes,) uint8, or None where everything goes into the bytes.
        needed: bytes of all arrays so far, those included for which there was no room.
    """

    slab: np.ndarray | None
    needed: int = 0
    _places: dict[int, tuple[Any, Placed | None]] = field(default_factory=dict)

    def write(self, value: Any) -> bytes:
        """Return ``value`` as bytes; an array that was written before is not copied again."""
        file = io.BytesIO()
        pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
        pickler.persistent_id = self._place  # type: ignore[method-assign]
        pickler.dump(value)
        return file.getvalue()

    def _place(self, value: Any) -> Placed | None:
        if type(value) is not Held:
            return None
        if id(value) not in self._places:
            # held on to, because another array could get the number of one that is gone
            self._places[id(value)] = value, self._copy(value)
        return self._places[id(value)][1]

    def _copy(self, value: Held) -> Placed | None:
        start, array = self.needed, value.numpy()
        self.needed += placed(value)
        if self.slab is None or self.needed > len(self.slab) or array.dtype.hasobject:
            return None
        np.copyto(_view(self.slab, str(array.dtype), array.shape, start), array)
        return str(array.dtype), array.shape, start


def read(content: bytes, slab: np.ndarray | None) -> Any:
    """Return what a :class:`Writer` wrote; its arrays are views of the slab, and read-only."""
    unpickler = pickle.Unpickler(io.BytesIO(content))
    unpickler.persistent_load = lambda place: Held(_view(slab, *place))  # type: ignore
    return unpickler.load()


def arrays_of(content: RecordDict) -> Iterator[Held]:
    """Yield the arrays in a message's records."""
    for record in content.values():
        if isinstance(record, ArrayRecord):
            yield from record.values()  # type: ignore[misc]


def placed(array: Held) -> int:
    """Return the bytes that an array takes in a slab."""
    return -(-array.numpy().nbytes // ALIGNED) * ALIGNED


def _view(slab: Any, dtype: str, shape: tuple[int, ...], start: int) -> np.ndarray:
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(slab, dtype, count, start).reshape(shape)
