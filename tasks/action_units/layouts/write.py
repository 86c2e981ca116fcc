"""Writing a small drawn copy of the six databases, each in its published layout, for the one reader."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.action_units.drawing.film import filmed
from isofed.tasks.action_units.drawing.plan import Planned, Small, planned
from isofed.tasks.action_units.labels import ANNOTATED, COLUMNS, TABLE, Clip, sizes
from isofed.tasks.action_units.layouts.databases import DATABASES
from isofed.tasks.layouts.tree import File, encode, write_tree
from isofed.tasks.task import Progress

Spread = Callable[..., Iterable[Any]]  # like the built-in map


def write_databases(
    out: Path, seed: int, small: Small, spread: Spread = map, progress: Progress | None = None
) -> None:
    """Draw all six databases into one folder, the table beside them.

    Args:
        out: the folder to make.
        seed: any integer; the same gives the same bytes.
        small: how much.
        spread: like the built-in ``map``; one over several processes gives the same bytes.
        progress: called with the clips drawn and how many there will be.

    Raises:
        DataError: ``out`` holds something that was not made here.
    """
    plans = list(planned(seed, small))
    films = zip(plans, spread(partial(_film, seed, small), plans), strict=True)
    clips = [plan.clip for plan in plans]
    counts = {key: {"clips": count, "subjects": people} for key, (count, people) in sizes(clips).items()}
    mark = {"made_by": "isofed", "layout": "cd6me", "seed": seed, "options": asdict(small)}
    write_tree(out, _files(clips, films, progress), mark | {"expected": counts})


def spelt(clips: Iterable[Clip]) -> bytes:
    """Return the table of some clips."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(_row(clip) for clip in clips)
    return text.getvalue().encode()


def _row(clip: Clip) -> list[str]:
    numbers = (clip.onset, clip.apex, clip.offset, clip.apex - clip.onset)
    told = [clip.subject, clip.material, *map(str, numbers), clip.text, clip.emotion, str(clip.frames)]
    return [*told, clip.database, *(str(int(unit in clip.units)) for unit in ANNOTATED)]


def _film(seed: int, small: Small, plan: Planned) -> tuple[bytes, ...]:
    frames: NDArray[np.uint8] = filmed(seed, plan, small)
    return encode(frames)


def _files(
    clips: list[Clip], films: Iterable[tuple[Planned, tuple[bytes, ...]]], progress: Progress | None
) -> Iterator[File]:
    yield TABLE, spelt(clips)
    for done, (plan, frames) in enumerate(films, 1):
        made = DATABASES[plan.clip.database]
        for place, data in enumerate(frames, plan.clip.onset):
            yield made.written(plan.clip, place), data
        if progress is not None:
            progress(done, len(clips))
