"""Whose clips a folder holds, and who trains under each privacy level.

A folder is one data set, in which everybody who is filmed is an entity; or it holds silos, a folder each,
such as press rooms or laboratories, each with its own camera and its own people. Then

``camera``    a client is a silo: one fixed camera films its people
``entity``    a client is a person of a data set, or a silo
``sharing``   one trainer holds everything

Of a data set alone nobody wrote down which camera filmed which clip (iMiGUE comes from many broadcasters), or
there was only one (SMG), so it has no clients under ``camera``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isofed.errors import DataError
from isofed.tasks.layouts.joined import Joined
from isofed.tasks.micro_gesture.layouts.clips import TRAIN, Listing, Skeletons
from isofed.tasks.micro_gesture.layouts.formats import Format, guessed
from isofed.tasks.micro_gesture.layouts.listed import CLIENT
from isofed.tasks.micro_gesture.layouts.splits import kept, refuse_unnamed, sides
from isofed.tasks.micro_gesture.layouts.store import opened
from isofed.tasks.task import Samples, Site

POOLED = "pooled"
PERSON = "subject"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Silo:
    """One folder of clips: its name, where it lies, its layout, and whether everybody in it is a site."""

    name: str
    root: Path
    format: Format
    alone: bool = False


Find = Callable[[Path, str | None], tuple[Silo, ...]]  # (root, a client or None) to its silos


def silos(root: Path, site: str | None = None) -> tuple[Silo, ...]:
    """Return the folders of ``root``; of a client its own alone.

    Raises:
        DataError: there is none, their joints are not those of one body, or a name is none that a site has.
    """
    folders = sorted(p for p in root.iterdir() if p.is_dir() and p.name[0] != ".") if root.is_dir() else []
    wanted = [folder for folder in folders if site in (None, POOLED, folder.name)]
    if not wanted:
        raise DataError(
            f"{CLIENT} holds no folder of the silo asked for; expected a folder for each silo, with a "
            "tree of iMiGUE or SMG in it"
        )
    if not all(NAME.fullmatch(folder.name) for folder in wanted):
        raise DataError(
            f"a folder in {CLIENT} has a name that no site has; expected letters, digits, _ and -"
        )
    found = tuple(Silo(folder.name, folder, guessed(folder)) for folder in wanted)
    bodies = sorted({silo.format.body.name for silo in found})
    if len(bodies) > 1:
        raise DataError(
            f"the silos in {CLIENT} have the joints of {' and '.join(bodies)}; expected one set of joints, "
            "for one network has one: give them folders of their own, and train twice"
        )
    return found


def people(found: Silo) -> tuple[Site, ...]:
    """Return everybody in a data set who is trained on, as sites.

    Raises:
        DataError: clips do not say whom they show.
    """
    clips = found.format.list_clips(found.root, None)
    refuse_unnamed(clips)
    trained = clips.lists == TRAIN
    subjects = np.unique(clips.subjects[trained] if trained.any() else clips.subjects)
    facts: dict[str, str | int] = {"data set": found.format.title, "joints": len(found.format.body.joints)}
    return tuple(Site(f"{PERSON}{number:03d}", facts) for number in subjects.tolist())


def sites(found: tuple[Silo, ...], level: str) -> tuple[Site, ...]:
    """Return who trains under a level, with what a report may say of them."""
    titles = " and ".join(dict.fromkeys(silo.format.title for silo in found))
    joints = len(found[0].format.body.joints)
    if level == "sharing":
        return (Site(POOLED, {"data set": titles, "joints": joints}),)
    if found[0].alone:
        return people(found[0])
    return tuple(Site(silo.name, {"data set": silo.format.title, "joints": joints}) for silo in found)


def open_train(found: tuple[Silo, ...], site: str, cache: Path, options: Any) -> Samples:
    """Open a client's training clips, those of several silos one after the other.

    Raises:
        DataError: the client has none; clips that cannot be read.
    """
    parts = [_part(silo, site, cache / silo.name, options) for silo in found]
    if not sum(len(labels) for _, _, labels in parts):
        raise DataError(
            f"{site} holds no clip to train on; those of split={options.split} are trained on elsewhere or "
            "tested: leave it out, or choose another task.split"
        )
    scenes = np.concatenate([_after(parts, n) + videos for n, (_, videos, _) in enumerate(parts)])
    clips: Any = parts[0][0] if len(parts) == 1 else Joined(tuple(each for each, _, _ in parts))
    return Samples(
        Skeletons(clips, scenes),
        np.concatenate([labels for _, _, labels in parts]),
        np.repeat(np.arange(len(parts)), [len(labels) for _, _, labels in parts]),
    )


def _after(parts: list[Any], place: int) -> int:
    """Return a number greater than those of all videos in the parts before this place."""
    return sum(int(videos.max(initial=-1)) + 1 for _, videos, _ in parts[:place])


def _part(silo: Silo, site: str, cache: Path, options: Any) -> tuple[Any, Any, Any]:
    """Return clips, videos and labels of those in a silo that a client trains on."""
    whose = person(site) if silo.alone else None
    clips = silo.format.list_clips(silo.root, None if _needs_all(options) else whose)
    rows, _ = sides(clips, options)
    labels = kept(clips, rows, options)
    mine = np.ones(len(rows), bool) if whose is None else clips.subjects[rows] == whose
    own = clips.take(rows[mine])
    return opened(own, silo.format.frames, cache, options), own.videos, labels[mine]


def person(site: str) -> int | None:
    """Return the number of a person who is a site, or None for another one."""
    number = site.removeprefix(PERSON)
    return int(number) if site.startswith(PERSON) and number.isdigit() else None


def _needs_all(options: Any) -> bool:
    """Whether what one person trains on depends on who else there is."""
    return bool(options.split == "folds" or options.labelled < 1 or options.labels != "true")


def listed(silo: Silo) -> Listing:
    """Return all clips of a silo."""
    return silo.format.list_clips(silo.root, None)
