"""Messages between a process and its workers: small things as bytes, arrays by their place in a slab."""

import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flwr.app import ArrayRecord, RecordDict

from isofed.protocols.letter import Letter

ALIGNED = 64  # bytes; vector instructions like it

Place = tuple[int, int]  # where it begins, and how many bytes it has
Written = tuple[bytes, list[Place]]


@dataclass
class Writer:
    """Writes values into bytes, and their arrays into a slab for as long as there is room.

    Args:
        slab: (bytes,) uint8, or None where everything goes into the bytes.
        needed: bytes of all arrays so far, those included for which there was no room.
    """

    slab: np.ndarray | None
    needed: int = 0
    _places: dict[Place, tuple[np.ndarray, Place | None]] = field(default_factory=dict)

    def write(self, value: Any) -> Written:
        """Return ``value`` as bytes and places; memory that was written before is not copied again."""
        places: list[Place] = []

        def inside(buffer: pickle.PickleBuffer) -> bool:
            place = self._place(np.frombuffer(buffer.raw(), np.uint8))
            places.extend([place] if place else [])
            return place is None

        return pickle.dumps(value, pickle.HIGHEST_PROTOCOL, buffer_callback=inside), places

    def _place(self, array: np.ndarray) -> Place | None:
        known = address(array)
        if known not in self._places:
            # held on to, because other memory could get the address of what is gone
            self._places[known] = array, self._copy(array)
        return self._places[known][1]

    def _copy(self, array: np.ndarray) -> Place | None:
        start = self.needed
        self.needed += room(array.nbytes)
        if self.slab is None or self.needed > len(self.slab):
            return None
        self.slab[start : start + array.nbytes] = array
        return start, array.nbytes


def read(written: Written, slab: np.ndarray | None) -> Any:
    """Return what a :class:`Writer` wrote; its arrays are views of the slab, and read-only."""
    content, places = written
    memory = memoryview(b"" if slab is None else slab).toreadonly()  # type: ignore[arg-type]
    return pickle.loads(content, buffers=[memory[start : start + size] for start, size in places])


def arrays_in(content: RecordDict) -> list[np.ndarray]:
    """Return the arrays of a message."""
    if isinstance(content, Letter):
        return content.arrays()
    records = [record for record in content.values() if isinstance(record, ArrayRecord)]
    return [array.numpy() for record in records for array in record.values()]


def address(array: np.ndarray) -> Place:
    """Return where an array lies in this process, and how many bytes it has."""
    return array.__array_interface__["data"][0], array.nbytes


def room(size: int) -> int:
    """Return the bytes that an array of ``size`` bytes takes in a slab."""
    return -(-size // ALIGNED) * ALIGNED
