"""Clips opened, cut to 52 frames and prepared, in one array; and a cache of it on the site's own disk.

The cache is two files: ``clips.npy``, opened memory-mapped, and ``index.json``, which says what it was made
from. Each is written beside its place and renamed, the index last, so that a process killed at any moment
leaves either a whole cache or none.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.files import atomic, write_json
from isofed.tasks.micro_gesture.frames import places, prepared, seen
from isofed.tasks.micro_gesture.layouts.clips import Floats, Integers, Listing, Span
from isofed.tasks.micro_gesture.model import FRAMES
from isofed.tasks.task import Progress

Frames = Callable[[Path], Floats | str]  # of a file (L, V, 3), or what is wrong with it
CLIPS, INDEX = "clips.npy", "index.json"
VERSION = 1  # of decoding and preparing: a change of the numbers must change it
TOGETHER = 256  # clips that are prepared at once

BROKEN, JOINTS, EMPTY, BEYOND, UNSEEN = "broken", "joints", "empty", "beyond", "unseen"
FAULTS = {  # what is wrong, and what was expected
    BROKEN: ("cannot be read", "whole files of the published layout"),
    JOINTS: ("have another number of joints, or of numbers for a joint", "{joints}"),
    EMPTY: ("are empty", "one frame or more"),
    BEYOND: ("end after the last frame of their video", "clips that lie within it"),
    UNSEEN: ("show no joint in any frame", "one joint or more"),
}


def opened(clips: Listing, frames: Frames, cache: Path | None, options: Any) -> Floats:
    """Return what the network is fed of all clips, (N, 3, 52, V) float32.

    The cache is used again while the clips, their files' sizes and times of change and the options stay the
    same, and made anew otherwise.

    Args:
        clips: which.
        frames: reads a file of theirs.
        cache: the site's own folder; None to hold them in memory.
        options: ``normalise``, ``missing`` and ``view`` are read.

    Raises:
        DataError: clips that are empty, show no joint, have other joints or cannot be read: as counts, and
            without any name.
    """
    shape = (len(clips), 3, FRAMES, len(clips.body.joints))
    if cache is None:
        return np.concatenate([np.zeros((0, *shape[1:]), np.float32), *_prepared(clips, frames, options)])
    index = _index(clips, shape, options)
    found = _reuse(cache, index)
    if found is None:
        (cache / INDEX).unlink(missing_ok=True)
        with atomic(cache / CLIPS) as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for some in _prepared(clips, frames, options):
                file.write(some.astype("<f4").tobytes())
        write_json(cache / INDEX, index)
        found = _reuse(cache, index)
    if found is None:
        raise DataError("the cache of clips changed while it was written; expected one writer: run it again")
    return found


def cut(spans: tuple[Span, ...], whole: Floats | str, joints: int) -> tuple[Floats, list[str]]:
    """Cut clips out of a file's frames, to 52 frames each.

    Args:
        spans: n of them, all of this file.
        whole: the file's frames, (L, V, 3), or what is wrong with it.
        joints: V that is expected.

    Returns:
        (m, 52, V, 3) of the clips that are well, and what is wrong with the others, n - m words.
    """
    nothing = np.zeros((0, FRAMES, joints, 3), np.float32)
    if isinstance(whole, str):
        return nothing, [whole] * len(spans)
    if whole.ndim != 3 or (len(whole) and whole.shape[1:] != (joints, 3)):
        return nothing, [JOINTS] * len(spans)
    first = np.array([span.start for span in spans])
    last = np.array([len(whole) - 1 if span.end < 0 else span.end for span in spans])
    faults = np.where(last >= len(whole), BEYOND, np.where(last < first, EMPTY, ""))
    well = faults == ""
    rows = first[well][:, None] + places((last - first + 1)[well])
    return whole[rows] if len(whole) else nothing, faults[~well].tolist()


def faulty(clips: Listing, frames: Frames, progress: Progress | None = None) -> Iterator[tuple[Span, str]]:
    """Yield the clips in which something is wrong, and what, a word of ``FAULTS``; for a check alone."""
    files = list(_by_file(clips))
    for done, (path, spans) in enumerate(files, 1):
        whole = frames(path)
        for span in spans:
            some, faults = cut((span,), whole, len(clips.body.joints))
            if faults or not seen(some, clips.body).any():
                yield span, faults[0] if faults else UNSEEN
        if progress is not None:
            progress(done, len(files))


def _by_file(clips: Listing) -> Iterator[tuple[Path, tuple[Span, ...]]]:
    for path, spans in groupby(clips.spans, key=lambda span: span.path):
        yield path, tuple(spans)


def _prepared(clips: Listing, frames: Frames, options: Any) -> Iterator[Floats]:
    """Yield the clips as the network is fed them, some at a time; raise after the last for what is wrong."""
    problems: Counter[str] = Counter()
    waiting: list[Floats] = []
    for path, spans in _by_file(clips):
        some, faults = cut(spans, frames(path), len(clips.body.joints))
        problems.update(faults)
        problems[UNSEEN] += int((~seen(some, clips.body).any((1, 2))).sum())
        waiting.append(some)
        if sum(map(len, waiting)) >= TOGETHER:
            yield _made(waiting, clips, options)
            waiting = []
    refuse(problems, clips)
    if waiting:
        yield _made(waiting, clips, options)


def _made(waiting: list[Floats], clips: Listing, options: Any) -> Floats:
    words = (options.normalise, options.missing, options.view)
    return prepared(np.concatenate(waiting), clips.body, *words)


def refuse(problems: Counter[str], clips: Listing) -> None:
    """Raise for what is wrong with clips; far from any path."""
    for word, count in (+problems).items():
        found, expected = FAULTS[word]
        told = expected.format(joints=f"{len(clips.body.joints)} joints of 3 numbers")
        raise DataError(
            f"{count} of {len(clips)} clips of {clips.title} {found}; expected {told}: copy them again, or "
            "take them out ('isofed data check' names them)"
        )


def _index(clips: Listing, shape: tuple[int, ...], options: Any) -> dict[str, object]:
    """Say what a cache is made from; the files enter as a hash, so that no name is kept."""
    digest = hashlib.blake2b(digest_size=16)
    for path, spans in _by_file(clips):
        seen_as = [path.name, *_stat(path), [(span.start, span.end) for span in spans]]
        digest.update(json.dumps(seen_as).encode())
    words = [clips.body.name, options.normalise, options.missing, options.view]
    return {"version": VERSION, "shape": list(shape), "prepared": words, "files": digest.hexdigest()}


def _stat(path: Path) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _reuse(folder: Path, index: dict[str, object]) -> NDArray[np.float32] | None:
    """Open the cache read-only if it was made from the same clips."""
    try:
        if json.loads((folder / INDEX).read_text()) != index:
            return None
        found: NDArray[np.float32] = np.load(folder / CLIPS, mmap_mode="r")
    except (OSError, ValueError):
        return None
    return found if list(found.shape) == index["shape"] and found.dtype == np.float32 else None


def numbered(keys: list[tuple[object, ...]]) -> Integers:
    """Return equal numbers, from 0, for equal keys, (N,)."""
    order = {key: number for number, key in enumerate(sorted(set(keys)))}
    return np.array([order[key] for key in keys], np.int64)
