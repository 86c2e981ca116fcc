"""Whose pictures a folder holds: its sensors, and who owns what they took under each privacy level.

A folder is one database, or holds several, each in a folder of its own that is called as its authors call it
(``FV-USM``) or as it is written here (``fv_usm``); a folder of any other name is taken for a tree of
FingerVeinSyn-5M. Under ``unseen`` lie those that nobody trains on. Then

``camera``    a client is a sensor with all it took
``entity``    a client is the owner of a database, with all of its sensors
``sharing``   one trainer holds everything

Nobody owns drawn fingers: a tree of FingerVeinSyn-5M by itself is dealt to a few owners, subject by subject.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from isofed.errors import DataError
from isofed.tasks.task import Site
from isofed.tasks.vein.layouts.database import Database
from isofed.tasks.vein.layouts.databases import DATABASES, FINGERVEINSYN
from isofed.tasks.vein.layouts.read import CLIENT, located

UNSEEN = "unseen"
POOLED = "pooled"
SHARES = 4  # owners to whom drawn fingers are dealt, at most
FEWEST = 2  # subjects that an owner needs
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Sensor:
    """One sensor and what it took.

    Attributes:
        name: letters, digits, ``_`` and ``-``.
        owner: the institution that it belongs to.
        database: what its folder looks like.
        root: that folder.
        part: kind of the pictures; the first that is there where none is named.
        seen: whether anybody trains on them.
        owners: to how many its subjects are dealt, where nobody owns them.
    """

    name: str
    owner: str
    database: Database
    root: Path
    part: str = ""
    seen: bool = True
    owners: int = 1


@dataclass(frozen=True)
class Seat:
    """What one client holds: sensors, and of the ``of`` shares of their subjects the ``number``-th."""

    name: str
    sensors: tuple[Sensor, ...]
    number: int = 0
    of: int = 1


def alone(database: Database, root: Path, site: str | None = None, name: str = "") -> tuple[Sensor, ...]:
    """Return the sensors of one database; where they are its parts, those of which a picture is there.

    Args:
        database: which.
        root: of its tree, or a folder above it.
        site: a client; all look into the same folder.
        name: of its owner; the database's where none is given.
    """
    owner = name or database.name
    if not database.sensors:
        dealt = _dealt(root, database) if database is FINGERVEINSYN and not name else 1
        return (Sensor(owner, owner, database, root, owners=dealt),)
    return tuple(
        Sensor(f"{owner}-{part}", owner, database, root, part)
        for part in database.parts
        if located(root, database, part)[1]
    )


def several(root: Path, site: str | None = None) -> tuple[Sensor, ...]:
    """Return the sensors of all databases in the folders of ``root``, and of those under ``unseen``.

    Args:
        root: what holds the folders.
        site: a client, into whose own folders alone is looked; None for all.

    Raises:
        DataError: there is no such folder, or nothing to train on in it, or two folders of one database.
    """
    wanted = None if site == POOLED else site
    unseen = _below(root / UNSEEN, f"{UNSEEN}-", wanted)
    found = (*_below(root, "", wanted), *(replace(sensor, seen=False) for sensor in unseen))
    names = [sensor.name for sensor in found]
    if len(set(names)) < len(names):
        raise DataError(f"two folders in {CLIENT} hold the same database; expected one of each: remove one")
    if not any(sensor.seen for sensor in found):
        raise DataError(
            f"{CLIENT} holds no folder of a finger vein database; expected some such as FV-USM, or trees of "
            "FingerVeinSyn-5M under names of your own"
        )
    return found


def _below(root: Path, prefix: str, wanted: str | None) -> Iterator[Sensor]:
    folders = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    for folder in folders:
        if folder.name != UNSEEN and not folder.name.startswith("."):
            database = known(folder.name)
            name = prefix + (folder.name if database is FINGERVEINSYN else database.name)
            if not NAME.fullmatch(name):
                raise DataError(
                    f"a folder in {CLIENT} has a name that no site has; expected letters, digits, _ and -"
                )
            if wanted is None or wanted == name or wanted.startswith(f"{name}-"):
                yield from alone(database, folder, name=name)


def known(folder: str) -> Database:
    """Return the database that a folder's name stands for; that of drawn fingers for any other name."""
    words = {
        spelling.lower(): database
        for name, database in DATABASES.items()
        for spelling in (name, database.title, database.title.split()[0])
    }
    return words.get(folder.lower(), FINGERVEINSYN)


def seats(sensors: tuple[Sensor, ...], level: str) -> tuple[Seat, ...]:
    """Return who trains under a level, and with what."""
    seen = tuple(sensor for sensor in sensors if sensor.seen)
    if level == "sharing":
        return (Seat(POOLED, seen),)
    if len(seen) == 1 and seen[0].owners > 1:
        return tuple(Seat(f"owner{n + 1}", seen, n, seen[0].owners) for n in range(seen[0].owners))
    if level == "entity":
        owners = dict.fromkeys(sensor.owner for sensor in seen)
        return tuple(Seat(owner, tuple(s for s in seen if s.owner == owner)) for owner in owners)
    return tuple(Seat(sensor.name, (sensor,)) for sensor in seen)


def sites(sensors: tuple[Sensor, ...], level: str) -> tuple[Site, ...]:
    """Return those who train under a level, with what a report may say of them."""
    return tuple(Site(seat.name, _facts(seat)) for seat in seats(sensors, level))


def seat(sensors: tuple[Sensor, ...], site: str) -> Seat:
    """Return what a client of that name holds, under whichever level.

    Raises:
        DataError: nobody is called so.
    """
    for level in ("sharing", "entity", "camera"):
        for found in seats(sensors, level):
            if found.name == site:
                return found
    raise DataError(f"{CLIENT} holds no data of the site asked for; give the folder that does")


def _dealt(root: Path, database: Database) -> int:
    """Return to how many owners drawn subjects are dealt: of the half that trains, each needs two."""
    subjects = {take.subject for take, _ in located(root, database)[1]}
    return min(SHARES, max(1, len(subjects) // 2 // FEWEST))


def _facts(found: Seat) -> dict[str, str | int]:
    titles = dict.fromkeys(sensor.database.title for sensor in found.sensors)
    share = f", subjects dealt {found.number + 1} of {found.of}" if found.of > 1 else ""
    count = len(found.sensors)
    return {"database": " and ".join(titles) + share, "took": f"{count} sensor{'s' * (count > 1)}"}
