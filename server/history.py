"""The rounds of a run, a line of JSON each, in a file that only grows."""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isofed.errors import CheckpointError
from isofed.files import atomic

NAME = "history.jsonl"
Entry = Mapping[str, Any]


@dataclass
class Journal:
    """Keeps what checkpoints say of the rounds before theirs, so that none grows with the rounds.

    A checkpoint says how far it reads, and what the sum of these bytes is. What a killed process has written
    behind that is no part of it, and is written anew.

    Args:
        path: of the file.
        durable: wait for the disk, see :func:`isofed.files.atomic`.
    """

    path: Path
    durable: bool = False
    _kept: list[Entry] = field(default_factory=list)
    _size: int = 0
    _sum: int = 0

    def keep(self, entries: Sequence[Entry]) -> dict[str, int]:
        """Write down entries and return what :meth:`read` finds them by.

        Args:
            entries: those of the last call, and more; others, or the first ones, are written from the start.
        """
        kept, self._kept = self._kept, []  # if this fails, the next begins anew
        if kept and len(kept) <= len(entries) and all(map(_same, kept, entries)):
            self._append(_lines(entries[len(kept) :]))
        else:
            self._begin(_lines(entries))
        self._kept = list(entries)
        return {"bytes": self._size, "sum": self._sum}

    def _append(self, lines: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(lines)
            file.flush()
            if self.durable:
                os.fsync(file.fileno())
        self._size, self._sum = self._size + len(lines), zlib.crc32(lines, self._sum)

    def _begin(self, lines: bytes) -> None:
        # what earlier checkpoints read is the beginning of it: the same rounds are the same bytes
        with atomic(self.path, durable=True) as file:  # once a start, for it replaces what all of them read
            file.write(lines)
        self._size, self._sum = len(lines), zlib.crc32(lines)

    def read(self, found: Mapping[str, int], whose: str) -> tuple[Entry, ...]:
        """Return the entries that ``keep`` wrote down.

        Args:
            found: what it returned.
            whose: the checkpoint that asks, for an error.

        Raises:
            CheckpointError: the file is missing, cut short or altered.
        """
        try:
            with self.path.open("rb") as file:
                lines = file.read(found["bytes"])
        except OSError:
            lines = b""
        if len(lines) != found["bytes"] or zlib.crc32(lines) != found["sum"]:
            raise CheckpointError(
                f"{self.path.name} is missing, cut short or altered, and {whose} goes on from it; restore it "
                "or start anew"
            )
        return tuple(map(json.loads, lines.splitlines()))


def _same(one: Entry, other: Entry) -> bool:
    return one is other


def _lines(entries: Sequence[Entry]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
