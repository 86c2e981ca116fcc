"""Flow pictures and pooled latents of clips, computed in parallel and kept on the site's own disk.

The cache is three files: ``flow.npy`` and ``latents.npy``, opened memory-mapped, and ``index.json``, which
says what they were made from. Each is written beside its place and renamed, the index last, so that a process
killed at any moment leaves either a whole cache or none.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from isofed.errors import DataError
from isofed.files import atomic, write_json
from isofed.tasks.action_units import frozen
from isofed.tasks.action_units.flow import flow, picture
from isofed.tasks.action_units.layouts.listing import Listing, Shot
from isofed.tasks.action_units.layouts.motions import Motions
from isofed.tasks.action_units.magnifier import CHANNELS, Magnifier
from isofed.tasks.action_units.model import latents, pooled
from isofed.tasks.task import Progress

FLOW, LATENTS, INDEX = "flow.npy", "latents.npy", "index.json"
VERSION = 1  # of decoding, flow and latents: a change of the numbers must change it
TOGETHER = 32  # clips a worker pool is given at once, so that none waits long in memory
MOST = float(np.finfo(np.float16).max)
NUMBERS = ("size", "margin", "flow", "strain", "scaling", "amplification")  # options that change them
log = logging.getLogger("isofed.tasks.action_units")

Pair = tuple[NDArray[np.float16], NDArray[np.float16]]  # (3, H, W) flow picture, (64, H/4, W/4) latents


def opened(clips: Listing, cache: Path | None, options: Any, progress: Progress | None = None) -> Motions:
    """Return what the network is fed of clips.

    The cache is used again while the clips, their files' sizes and times of change, the options and the
    magnifier's weights stay the same, and made anew otherwise. What is odd about clips is logged when it is
    made, once, as counts.

    Args:
        clips: which.
        cache: the site's own folder; None to hold them in memory.
        options: ``NUMBERS``, ``magnifier`` (a file, or empty) and ``workers`` (threads) are read.
        progress: called with the clips that are ready and their number.

    Raises:
        DataError: frames that cannot be read, as a count; the magnifier's file is none.
        ConfigError: no OpenCV, or unknown words in options.
    """
    made = frozen.magnifier(options.magnifier)
    index = _index(clips, options, made)
    found = _reuse(cache, index) if cache else None
    if found is None:
        for sentence in clips.sentences():
            log.warning("%s", sentence)
        pairs = _computed(clips, made, options, progress)
        found = _written(cache, index, pairs) if cache else _held(pairs, index)
    return Motions(found[0], found[1], clips.subjects, told=clips.sentences())


def computed(shot: Shot, made: Magnifier, options: Any) -> Pair | None:
    """Return a clip's flow picture and pooled latents, or None where a frame cannot be read.

    The same bits whatever other clips there are: nothing is computed in batches.
    """
    try:
        onset, apex, _ = frames = [read(path, options) for path in (shot.onset, shot.apex, shot.near)]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    seen = picture(flow(_grey(onset), _grey(apex), options.flow), options.strain, options.scaling)
    if options.amplification == 1:  # nothing is left of any motion, see magnifier.py
        return seen.astype(np.float16), np.zeros(
            (2 * CHANNELS, *(s // 4 for s in seen.shape[1:])), np.float16
        )
    with torch.inference_mode():
        first, at, beside = map(_signed, frames)
        moved = pooled(latents(made, first, at, beside, options.amplification))
    return seen.astype(np.float16), moved[0].clamp(max=MOST).numpy().astype(np.float16)


def read(path: Path, options: Any) -> NDArray[np.uint8]:
    """Return a frame as the networks see it, (H, W, 3): a share cut off at each border, then resized.

    Grey frames are repeated three times.
    """
    with Image.open(path) as image:
        colour = image.convert("RGB")
    x, y = (round(options.margin * side) for side in colour.size)
    box = (x, y, colour.width - x, colour.height - y)
    side = (options.size, options.size)
    return np.asarray(colour.resize(side, Image.Resampling.BICUBIC, box=box), np.uint8)


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(frame).convert("L"))


def _signed(frame: NDArray[np.uint8]) -> torch.Tensor:
    """Return (1, 3, H, W) in -1 to 1."""
    return torch.from_numpy(frame.transpose(2, 0, 1)[None] / np.float32(127.5) - 1)


def _computed(clips: Listing, made: Magnifier, options: Any, progress: Progress | None) -> Iterator[Pair]:
    """Yield each clip's pair in their order; raise after the last for frames that cannot be read."""
    work, broken, done = partial(computed, made=made, options=options), 0, 0
    with ThreadPoolExecutor(max(1, options.workers)) as pool:
        for start in range(0, len(clips), TOGETHER):
            for pair in pool.map(work, clips.shots[start : start + TOGETHER]):
                done += 1
                if pair is None:
                    broken += 1
                else:
                    yield pair
                if progress is not None:
                    progress(done, len(clips))
    if broken:
        raise DataError(
            f"{broken} of {len(clips)} clips have frames that cannot be read; expected whole pictures: copy "
            "them again ('isofed data check' names them)"
        )


def _shapes(index: dict[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    count, side = index["clips"], index["size"]
    return (count, 3, side, side), (count, 2 * CHANNELS, side // 4, side // 4)


def _held(pairs: Iterator[Pair], index: dict[str, Any]) -> tuple[Any, Any]:
    first, second = (np.empty(shape, np.float16) for shape in _shapes(index))
    for place, (seen, moved) in enumerate(pairs):
        first[place], second[place] = seen, moved
    return first, second


def _written(cache: Path, index: dict[str, Any], pairs: Iterator[Pair]) -> tuple[Any, Any]:
    (cache / INDEX).unlink(missing_ok=True)
    with ExitStack() as stack:
        files = [stack.enter_context(atomic(cache / name)) for name in (FLOW, LATENTS)]
        for file, shape in zip(files, _shapes(index), strict=True):
            _head(file, shape)
        for pair in pairs:
            for file, numbers in zip(files, pair, strict=True):
                file.write(numbers.astype("<f2").tobytes())
    write_json(cache / INDEX, index)
    found = _reuse(cache, index)
    if found is None:
        raise DataError("the cache of clips changed while it was written; expected one writer: run it again")
    return found


def _head(file: BinaryIO, shape: tuple[int, ...]) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "<f2", "fortran_order": False, "shape": shape})


def _index(clips: Listing, options: Any, made: Magnifier) -> dict[str, Any]:
    """Say what a cache is made from; the files enter as a hash, so that no name is kept."""
    hashed = hashlib.blake2b(digest_size=16)
    for shot in clips.shots:
        paths = (shot.onset, shot.apex, shot.near)
        hashed.update(json.dumps([["/".join(path.parts[-4:]), *_stat(path)] for path in paths]).encode())
    words = {name: getattr(options, name) for name in NUMBERS}
    known = {"version": VERSION, "clips": len(clips), "files": hashed.hexdigest()}
    return known | words | {"magnifier": frozen.digest(made)}


def _stat(path: Path) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns


def _reuse(cache: Path, index: dict[str, Any]) -> tuple[Any, Any] | None:
    """Open the cache read-only if it was made from the same clips in the same way."""
    try:
        if json.loads((cache / INDEX).read_text()) != index:
            return None
        found = tuple(np.load(cache / name, mmap_mode="r") for name in (FLOW, LATENTS))
    except (OSError, ValueError):
        return None
    whole = tuple(each.shape for each in found) == _shapes(index) and found[0].dtype == np.float16
    return (found[0], found[1]) if whole else None
