"""Writing a made data set as BUPTCampus is published."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from isofed.tasks.layouts.tree import File, write_tree
from isofed.tasks.reid.layouts.buptcampus.read import (
    AUXILIARY,
    BOTH,
    CAMERAS,
    DATA,
    INFRARED,
    LISTS,
    PATHS,
    TRAIN,
    VISIBLE,
)
from isofed.tasks.reid.layouts.filming import Scene, Take

Paths = dict[str, dict[str, dict[str, dict[str, list[str]]]]]


def write_buptcampus(
    out: Path, takes: Iterable[Take], listed: Callable[[Scene], str], mark: Mapping[str, object]
) -> None:
    """Write a tree: frames as they come, then the lists; see :func:`write_tree`.

    Args:
        out: the root to be.
        takes: all pairs of films.
        listed: the list in which a scene stands, one of ``LISTS``.
        mark: what ``synthetic.json`` shall hold, as JSON values.
    """
    write_tree(out, _files(takes, listed), mark)


def list_files(scenes: Iterable[Scene], listed: Callable[[Scene], str], paths: Paths) -> Iterator[File]:
    """Yield the map of frames and the four lists; a test scene has a visible and an infrared line."""
    lines: dict[str, list[str]] = {name: [] for name in LISTS}
    for scene in scenes:
        name = listed(scene)
        for modality in (BOTH,) if name in (TRAIN, AUXILIARY) else (VISIBLE, INFRARED):
            lines[name].append(f"{scene.id} {modality} {CAMERAS[scene.camera - 1]} {scene.number}\n")
    yield PATHS, json.dumps(paths).encode()
    yield from ((name, "".join(rows).encode()) for name, rows in lines.items())


def enter(paths: Paths, scene: Scene, modality: str, frames: int) -> list[str]:
    """Add a tracklet to the map of frames and return the frames' paths below DATA."""
    camera, stem = CAMERAS[scene.camera - 1], f"{scene.id}/{modality}"
    names = [
        f"{stem}/{camera}/{scene.id}_{modality}_{camera}_{scene.number}_{number}.jpg"
        for number in range(1, frames + 1)
    ]
    tracklets: dict[str, Any] = paths.setdefault(str(scene.id), {}).setdefault(modality, {})
    tracklets.setdefault(camera, {})[str(scene.number)] = names
    return names


def _files(takes: Iterable[Take], listed: Callable[[Scene], str]) -> Iterator[File]:
    paths: Paths = {}
    scenes = []
    for take in takes:
        scenes.append(take.scene)
        for modality, jpegs in ((VISIBLE, take.visible), (INFRARED, take.infrared)):
            names = enter(paths, take.scene, modality, len(jpegs))
            yield from ((f"{DATA}/{name}", data) for name, data in zip(names, jpegs, strict=True))
    yield from list_files(scenes, listed, paths)
