"""Writing small drawn trees in the published layouts, for the one reader."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.errors import ConfigError
from isofed.suggest import pick
from isofed.tasks.layouts.tree import File, placed, write_tree
from isofed.tasks.micro_gesture.drawing.film import filmed
from isofed.tasks.micro_gesture.drawing.plan import Small, Video, planned
from isofed.tasks.micro_gesture.layouts import spelt
from isofed.tasks.micro_gesture.layouts.formats import FORMATS, Format
from isofed.tasks.task import Progress

Spread = Callable[..., Iterable[Any]]  # like the built-in map
Films = Iterable[tuple[Video, NDArray[np.float32]]]
Spell = Callable[[Films, bool], Iterator[File]]  # (videos as filmed, whether their emotion is told) to files

WRITERS: dict[str, Spell] = {
    "imigue": spelt.imigue,
    "imigue_miga": spelt.imigue_miga,
    "smg": spelt.smg,
    "smg_miga": spelt.smg_miga,
}


def write_tree_of(
    out: Path,
    made: Format,
    seed: int,
    small: Small,
    spread: Spread = map,
    progress: Progress | None = None,
    place: str = "",
    told: bool = True,
) -> None:
    """Draw a small data set and write it.

    Args:
        out: the folder to make.
        made: in which layout.
        seed: any integer; the same gives the same bytes.
        small: how much.
        spread: like the built-in ``map``; one over several processes gives the same bytes.
        progress: called with the videos drawn and how many there will be.
        place: two places share nobody.
        told: whether the emotion of a clip is.

    Raises:
        DataError: ``out`` holds something that was not made here.
        ConfigError: a signal in finger tips for a body that has none.
    """
    if small.signal == "fingers" and sum(name.endswith(" tip") for name in made.body.joints) < 10:
        raise ConfigError(
            f"signal=fingers is in the tips of five fingers, which {made.name} does not record; write "
            "signal=gestures, or draw imigue"
        )
    videos = list(planned(seed, place, small))
    draw = partial(_film, seed, place, made, small)
    films = _counted(zip(videos, spread(draw, videos), strict=True), len(videos), progress)
    mark = {"made_by": "isofed", "layout": made.name, "seed": seed, "options": asdict(small)}
    write_tree(out, WRITERS[made.name](films, told), mark | {"expected": counts(videos, made.name)})


def counts(videos: list[Video], name: str) -> dict[str, int]:
    """Return what a whole copy of a drawn tree holds."""
    sides = {side: sum(len(video) for video in videos if video.side == side) for side in ("train", "test")}
    people = {video.subject for video in videos}
    told = {"subjects": len(people), "videos": len(videos), "clips": sum(map(len, videos))}
    if name == "smg_miga":
        return told  # its sides follow from the subjects' numbers
    return told | {"training clips": sides["train"], "test clips": sides["test"]}


def write_silos(
    out: Path, seed: int, rooms: Any, spread: Spread = map, progress: Progress | None = None
) -> None:
    """Draw a tree for each silo into a folder of its own; ``rooms`` are a ``layout.Rooms``."""
    made = pick("format", rooms.format, FORMATS)
    told = {"made_by": "isofed", "layout": "micro_gesture_silos", "seed": seed, "options": asdict(rooms)}
    with placed(out, told) as folder:
        for number in range(rooms.silos):
            name = f"silo{number + 1}"
            labelled = number < rooms.silos - rooms.unlabelled
            write_tree_of(folder / name, made, seed, rooms.small(), spread, progress, name, labelled)


def _film(seed: int, place: str, made: Format, small: Small, video: Video) -> NDArray[np.float32]:
    return filmed(seed, place, video, made.body, made.rate, small)


def _counted(films: Films, total: int, progress: Progress | None) -> Films:
    for done, film in enumerate(films, 1):
        yield film
        if progress is not None:
            progress(done, total)
