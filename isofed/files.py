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

from isofed.errors import CheckpointError, ConfigError
from isofed.scratch import in_steps
from isofed.trees import Layout, Tree

MAGIC = b"isofed1\n"
CHECKSUM, LENGTH = struct.Struct("<I"), struct.Struct("<Q")  # of all that follows; of the header
State = Mapping[str, Tree | np.ndarray]


def unusable(error: OSError) -> ConfigError:
    """Return what is told of a file or folder that cannot be used."""
    named = f"'{error.filename}'" if error.filename else "a file"
    return ConfigError(f"cannot use {named} ({error.strerror}); make room, or name another folder")


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
    header = json.dumps({"meta": meta, "entries": entries}).encode()
    head = LENGTH.pack(len(header)) + header
    checksum = zlib.crc32(head)
    for part in _bytes(buffers):
        checksum = zlib.crc32(part, checksum)
    with atomic(path, durable) as file:
        file.write(MAGIC + CHECKSUM.pack(checksum) + head)
        for part in _bytes(buffers):
            file.write(part)


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
    content = _checked(raw, what)
    start = LENGTH.size + LENGTH.unpack(content[: LENGTH.size].tobytes())[0]
    header = json.loads(content[LENGTH.size : start].tobytes())
    return header["meta"], dict(_rebuild(header["entries"], content[start:]))


def _bytes(buffers: Iterable[np.ndarray]) -> Iterator[memoryview]:
    return (part for buffer in buffers for part in in_steps(buffer))


def _describe(state: State) -> tuple[list[Any], list[np.ndarray]]:
    entries: list[Any] = []
    buffers: list[np.ndarray] = []
    for name, value in state.items():
        if isinstance(value, Tree):
            flats = {d: np.ascontiguousarray(value.buffers[d]).reshape(-1) for d in value.layout.sizes}
            # a sum is held wider than its layout says, and must come back so
            entries.append([name, "tree", value.layout.to_json(), [str(b.dtype) for b in flats.values()]])
            buffers += flats.values()
        else:
            entries.append([name, "array", list(value.shape), str(value.dtype)])
            buffers.append(np.ascontiguousarray(value).reshape(-1))
    return entries, buffers


def _checked(raw: np.ndarray, what: str) -> np.ndarray:
    """Return what follows the checksum: the header's length, the header, the arrays."""
    start = len(MAGIC) + CHECKSUM.size
    if raw[: len(MAGIC)].tobytes() != MAGIC or len(raw) < start + LENGTH.size:
        raise CheckpointError(f"{what} is no isofed state file; restore it or delete it")
    (checksum,) = CHECKSUM.unpack(raw[len(MAGIC) : start].tobytes())
    if zlib.crc32(raw[start:].data) != checksum:
        raise CheckpointError(f"{what} is damaged: its checksum does not match; restore it or delete it")
    return raw[start:]


def _rebuild(entries: Iterable[Any], body: np.ndarray) -> Iterator[tuple[str, Tree | np.ndarray]]:
    at = 0
    for name, kind, shape, dtype in entries:
        if kind == "tree":
            layout = Layout.of((n, tuple(s), d) for n, s, d in shape)
            buffers = {}
            for (d, size), held in zip(layout.sizes.items(), dtype, strict=True):
                buffers[d], at = _take(body, at, size, held)
            yield name, Tree(layout, buffers)
        else:
            flat, at = _take(body, at, int(np.prod(shape, dtype=np.int64)), dtype)
            yield name, flat.reshape(shape)


def _take(body: np.ndarray, at: int, size: int, dtype: str) -> tuple[np.ndarray, int]:
    end = at + size * np.dtype(dtype).itemsize
    # copied, because the cut may fall where the dtype's alignment does not
    return body[at:end].copy().view(dtype), end
