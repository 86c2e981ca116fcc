"""Who trains where one database is left out, and what is tested.

``camera``    a client is a database: one laboratory's camera filmed all of it
``entity``    a client is a database: its collection site
``sharing``   one trainer holds the five

A box at a site holds its own database's folder alone, and of the table the rows of that.
"""

from pathlib import Path
from typing import Any

import numpy as np

from isofed.errors import DataError
from isofed.seeds import public
from isofed.tasks.action_units.labels import KEYS
from isofed.tasks.action_units.layouts.databases import DATABASES
from isofed.tasks.action_units.layouts.listing import left_to_test, trained
from isofed.tasks.action_units.layouts.motions import TestClips, together
from isofed.tasks.action_units.layouts.store import opened
from isofed.tasks.task import Progress, Samples, Site

POOLED = "pooled"


def sites(tested: str, level: str) -> tuple[Site, ...]:
    """Return the five databases that are trained on, or one pool of them."""
    keys = [key for key in KEYS if key != tested]
    if level == "sharing":
        return (Site(POOLED, {"databases": " + ".join(DATABASES[key].title for key in keys)}),)
    return tuple(_site(key) for key in keys)


def _site(key: str) -> Site:
    found = DATABASES[key]
    colour = "grey" if found.grey else "colour"
    return Site(key, {"database": found.title, "frames a second": found.rate, "pictures": colour})


def open_train(
    root: Path, site: str, cache: Path, tested: str, options: Any, progress: Progress | None = None
) -> Samples:
    """Open a client's clips.

    Raises:
        DataError: no table; no clip to train on; frames that cannot be read.
    """
    keys = [key for key in KEYS if key != tested] if site == POOLED else [site]
    found = {key: trained(root, tested, [key], options.near) for key in keys}
    if not any(map(len, found.values())):
        told = sum(clips.told for clips in found.values())
        raise DataError(
            f"{site} holds no clip to train on, of {told} that its table names: expected the frames of onset "
            "and apex in the published folders: leave it out, or copy its frames again"
        )
    there = {key: clips for key, clips in found.items() if len(clips)}
    # a database is remembered alike whoever is left out, so that one trainer can go through all folds
    places = {key: cache / key if site == POOLED else cache for key in there}
    inputs = together([opened(clips, places[key], options, progress) for key, clips in there.items()])
    labels = np.concatenate([clips.labels for clips in there.values()])
    if options.labels == "shuffled":
        labels = public(0, 0, site, "shuffled labels").permutation(labels)
    return Samples(inputs, labels, np.concatenate([clips.databases for clips in there.values()]))


def open_test(
    root: Path, cache: Path, tested: str, options: Any, progress: Progress | None = None
) -> TestClips:
    """Open the clips of the database that is left out; the second frame is the one at the window's end.

    Raises:
        DataError: no table; no clip to test on; frames that cannot be read.
    """
    clips = left_to_test(root, tested, "apex" if options.near == "apex" else "end")
    if not len(clips):
        raise DataError(
            f"no clip of {DATABASES[tested].title} is left to test on, of {clips.told} that the table names; "
            "expected the frames of onset and apex in the published folders: copy them again"
        )
    found = opened(clips, cache / tested, options, progress)
    return TestClips(found, clips.labels, clips.databases, clips.subjects)


def folders(root: Path, site: str | None, tested: str) -> tuple[Path, ...]:
    """Return the root and the folders beside which a level may be declared; of a client its own alone."""
    keys = [site] if site in DATABASES else [key for key in KEYS if site is None or key != tested]
    tops = (root / DATABASES[key].top for key in keys)
    return (root, *(top for top in tops if top.is_dir()))
