"""A message's objects as Flower stores them, of which a large one is never held whole.

Flower cuts an array into pieces and puts it together again in memory, each time with copies of all of it.
Here the pieces of an array that leaves are made from its own memory when they are asked for, and those of
one that comes go to a file. Uses names of Flower that it does not promise to keep, as
:mod:`isofed.protocols.link` does.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from flwr.app import Array, ArrayRecord
from flwr.app.message.arraychunk import ArrayChunk
from flwr.common.constant import FLWR_PRIVATE_MAX_ARRAY_CHUNK_SIZE as MOST
from flwr.supercore.constant import HEAD_BODY_DIVIDER, HEAD_VALUE_DIVIDER
from flwr.supercore.inflatable.inflatable_object import (
    get_object_body,
    get_object_children_ids_from_object_content,
)
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents

from isofed.scratch import Scratch, past

LARGE = 4 << 20  # bytes of a piece; with it, and behind it, all of a message go to a file
HEADER = 10 + (1 << 16)  # bytes of an array's header in NumPy's file format, at most
Objects = dict[str, Any]  # by their numbers
_KIND = f"{ArrayChunk.__qualname__}{HEAD_VALUE_DIVIDER}{HEAD_VALUE_DIVIDER}".encode()


@dataclass(frozen=True, eq=False)
class Piece:
    """What Flower stores of a part of an array, made when it is asked for.

    Args:
        before: bytes that come before those of the array.
        array: (bytes,) uint8, which nobody changes.
    """

    before: bytes
    array: np.ndarray
    children = None

    @cached_property
    def object_id(self) -> str:
        """SHA-256 of what is stored."""
        digest = hashlib.sha256(self._head + self.before)
        digest.update(self.array.data)
        past(self.array)
        return digest.hexdigest()

    def deflate(self) -> bytes:
        """Return what is stored."""
        content = b"".join((self._head, self.before, self.array.data))
        past(self.array)
        return content

    @property
    def _head(self) -> bytes:
        size = len(self.before) + len(self.array)
        return _KIND + f"{size}".encode() + HEAD_BODY_DIVIDER


def cut(array: np.ndarray, most: int = MOST) -> list[tuple[str, Any]]:
    """Return the pieces of an array in NumPy's file format, with the number of each.

    Args:
        array: C-contiguous.
        most: bytes of a piece.
    """
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
    header, flat = file.getvalue(), array.reshape(-1).view(np.uint8)
    first = max(most - len(header), 0)
    ends = [0, *range(first, len(flat), most), len(flat)]
    parts = [flat[start:end] for start, end in pairwise(ends)] if len(flat) > first else [flat]
    pieces = [Piece(header, parts[0]), *(Piece(b"", part) for part in parts[1:])]
    return [(piece.object_id, piece) for piece in pieces]


@dataclass
class Arriving:
    """The objects of a message that comes, by their numbers.

    Args:
        size: bytes that have come.
    """

    size: int = 0
    _contents: dict[str, bytes] = field(default_factory=dict)
    _lie: dict[str, tuple[int, int]] = field(default_factory=dict)  # pieces in the file: from, to
    _arrays: list[tuple[Array, int, int]] = field(default_factory=list)
    _file: Scratch = field(default_factory=lambda: Scratch("what the sites have sent"))

    def __contains__(self, number: str) -> bool:
        return number in self._contents or number in self._lie

    def keep(self, number: str, content: bytes) -> None:
        """Keep an object.

        Raises:
            RoundError: the disk has no room for it.
        """
        self.size += len(content)
        begins = content.find(HEAD_BODY_DIVIDER) + len(HEAD_BODY_DIVIDER)
        if not begins or not content.startswith(_KIND) or not (self._lie or len(content) >= LARGE):
            self._contents[number] = content
            return
        at = self._file.put(memoryview(content)[begins:])
        self._lie[number] = at, self._file.size

    def opened(self, number: str) -> Any:
        """Return the object with a number, for once; whatever is wrong with the others is raised."""
        parts = {n: get_object_children_ids_from_object_content(c) for n, c in self._contents.items()}
        made: dict[str, Any] = {}
        for make, among in ((self._array, self._lie), (self._record, made)):
            large = [n for n in parts if not among.keys().isdisjoint(parts[n])]
            made |= {n: make(self._contents[n], parts[n], made) for n in large}
        if self._arrays:
            whole = self._file.shown()  # once, because every one keeps the file open
            for array, start, end in self._arrays:
                array.data = whole[start:end]  # type: ignore[assignment]
        return inflate_object_from_contents(number, self._contents, objects=made)

    def _array(self, content: bytes, parts: Sequence[str], made: Objects) -> Array:
        said = json.loads(get_object_body(content, Array))
        order = [parts[place] for place in said["arraychunk_ids"]]
        _alike(order, parts)
        array = Array(said["dtype"], tuple(said["shape"]), said["stype"], b"")
        lies = self._laid(order, prod(array.shape) * np.dtype(array.dtype).itemsize)
        self._arrays.append((array, *lies))
        return array

    def _record(self, content: bytes, parts: Sequence[str], made: Objects) -> ArrayRecord:
        # not by Flower: its own copies each array, and takes bytes alone
        named = json.loads(get_object_body(content, ArrayRecord))
        _alike(named.values(), parts)
        record = ArrayRecord()
        for name, part in named.items():
            held = inflate_object_from_contents(part, self._contents, keep_object_contents=True, objects=made)
            record[name] = held  # type: ignore[assignment]
        return record

    def _laid(self, order: Sequence[str], size: int) -> tuple[int, int]:
        """Return where pieces lie one behind the other; where they do not yet, as when one is there twice,
        they are put there."""
        lie = [self._lie[part] for part in order]
        if all(one[1] == next_[0] for one, next_ in pairwise(lie)):
            return lie[0][0], lie[-1][1]
        if sum(end - start for start, end in lie) > size + HEADER:
            raise ValueError("an array has more pieces than it says that it is large")
        held, start = self._file.shown(), self._file.put(b"")
        for begin, end in lie:
            self._file.put(held[begin:end], aligned=False)
            past(np.frombuffer(held[begin:end], np.uint8))
        return start, self._file.size


def _alike(named: Iterable[str], parts: Sequence[str]) -> None:
    if set(named) != set(parts):
        raise ValueError("an object names other parts than it has")
