"""Files that are whole or not there: atomic writes, and states of named arrays."""

import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from isofed.errors import CheckpointError
from isofed.trees import Layout, Tree

MAGIC = b"isofed1\n"
State = Mapping[str, Tree | np.ndarray]


@contextmanager
def atomic(path: Path, durable: bool = False) -> Iterator[BinaryIO]:
    """Open a file beside ``path`` and rename it into place when the block ends well.

    Args:
        path: where the file shall be; its folder is made.
        durable: also wait until the disk has it. A killed process needs no waiting, a power cut does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with beside.open("wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all."""
    with atomic(path) as file:
        file.write((json.dumps(value, indent=1) + "\n").encode())


def save_state(path: Path, meta: Mapping[str, Any], state: State, durable: bool = False) -> None:
    """Write named trees and arrays with their description and a checksum.

    Args:
        path: the file to make.
        meta: JSON values, returned as they are by :func:`load_state`.
        state: NumPy trees or arrays by name.
        durable: see :func:`atomic`.
    """
    entries, buffers = _describe(state)
    checksum = 0
    for buffer in buffers:
        checksum = zlib.crc32(buffer.view(np.uint8), checksum)
    header = json.dumps({"meta": meta, "entries": entries, "crc": checksum}).encode()
    with atomic(path, durable) as file:
        file.write(MAGIC + struct.pack("<Q", len(header)) + header)
        for buffer in buffers:
            file.write(buffer.view(np.uint8).data)


def load_state(path: Path, what: str) -> tuple[dict[str, Any], dict[str, Tree | np.ndarray]]:
    """Read what :func:`save_state` wrote.

    Args:
        path: the file.
        what: its name in an error, such as "the checkpoint of round 3".

    Raises:
        CheckpointError: the file is missing, cut short or altered.
    """
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError as error:
        raise CheckpointError(f"{what} cannot be read ({error.strerror}); restore it or start anew") from None
    header, start = _read_header(raw, what)
    body = raw[start:]
    if zlib.crc32(body) != header["crc"]:
        raise CheckpointError(f"{what} is damaged: its checksum does not match; restore it or delete it")
    return header["meta"], dict(_rebuild(header["entries"], body))


def _describe(state: State) -> tuple[list[Any], list[np.ndarray]]:
    entries: list[Any] = []
    buffers: list[np.ndarray] = []
    for name, value in state.items():
        if isinstance(value, Tree):
            entries.append([name, "tree", value.layout.to_json(), ""])
            buffers += [np.ascontiguousarray(value.buffers[d]).reshape(-1) for d in value.layout.sizes]
        else:
            entries.append([name, "array", list(value.shape), str(value.dtype)])
            buffers.append(np.ascontiguousarray(value).reshape(-1))
    return entries, buffers


def _read_header(raw: np.ndarray, what: str) -> tuple[dict[str, Any], int]:
    start = len(MAGIC) + 8
    if raw[: len(MAGIC)].tobytes() != MAGIC or len(raw) < start:
        raise CheckpointError(f"{what} is no isofed state file; restore it or delete it")
    (length,) = struct.unpack("<Q", raw[len(MAGIC) : start].tobytes())
    try:
        return json.loads(raw[start : start + length].tobytes()), start + length
    except ValueError:
        raise CheckpointError(f"{what} is damaged: its header does not parse; delete it") from None


def _rebuild(entries: Iterable[Any], body: np.ndarray) -> Iterator[tuple[str, Tree | np.ndarray]]:
    at = 0
    for name, kind, shape, dtype in entries:
        if kind == "tree":
            layout = Layout.of((n, tuple(s), d) for n, s, d in shape)
            buffers = {}
            for d, size in layout.sizes.items():
                buffers[d], at = _take(body, at, size, d)
            yield name, Tree(layout, buffers)
        else:
            flat, at = _take(body, at, int(np.prod(shape, dtype=np.int64)), dtype)
            yield name, flat.reshape(shape)


def _take(body: np.ndarray, at: int, size: int, dtype: str) -> tuple[np.ndarray, int]:
    end = at + size * np.dtype(dtype).itemsize
    # copied, because the cut may fall where the dtype's alignment does not
    return body[at:end].copy().view(dtype), end
