"""The databases as data layouts: one by itself, and several in one folder."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from isofed.config import within
from isofed.suggest import pick
from isofed.tasks.layouts.tree import placed
from isofed.tasks.task import DataLayout, Finding, Progress, Samples, Site
from isofed.tasks.vein.drawing.sensors import PRESETS, preset
from isofed.tasks.vein.drawing.writer import Drawing, write_fingers
from isofed.tasks.vein.layouts.check import check_database
from isofed.tasks.vein.layouts.database import Database
from isofed.tasks.vein.layouts.databases import DATABASES, FINGERVEINSYN
from isofed.tasks.vein.layouts.drawn import drawn
from isofed.tasks.vein.layouts.opening import Tests, fingers, open_seat, open_tests
from isofed.tasks.vein.layouts.owners import UNSEEN, Sensor, alone, seat, several, sites
from isofed.tasks.vein.layouts.write import Small, write_parts
from isofed.tasks.vein.options import VeinOptions

Find = Callable[[Path, str | None], tuple[Sensor, ...]]  # of a folder, for one client or all
APART = 10_000  # between the first fingers of two sensors, so that they share none
BETWEEN = "+"  # of names in one option


@dataclass(frozen=True)
class Sensors:
    """Several synthetic sensors, each with fingers of its own.

    Args:
        sensors: names of presets with ``+`` between them; a client each.
        unseen: of those that nobody trains on, which are tested on as well.
        fingers, samples: of each sensor, see :class:`isofed.tasks.vein.drawing.writer.Drawing`.
        parts: ``rois`` for the cut-out pictures alone, ``all`` for whole pictures, masks and annotations.
        workers: processes, 1 on.
        schedule: ``own``, each sensor's, or ``published``, that of FingerVeinSyn-5M for all of them.

    Raises:
        ConfigError: an unknown sensor or schedule, or a number outside its range.
    """

    sensors: str = "usm_like+sdumla_like+mmcbnu_like+utfvp_like"
    unseen: str = ""
    fingers: int = 24
    samples: int = 6
    parts: str = "rois"
    workers: int = 1
    schedule: str = "own"

    def __post_init__(self) -> None:
        within("fingers", self.fingers, 1, APART)
        for name in (*split(self.sensors), *split(self.unseen)):
            self.drawing(name)

    def drawing(self, sensor: str) -> Drawing:
        """Return what is drawn for a sensor; no two have a finger in common."""
        preset(sensor)
        first = APART * list(PRESETS).index(sensor)
        return Drawing(self.fingers, self.samples, first, sensor, self.parts, self.workers, self.schedule)


@dataclass(frozen=True)
class Databases:
    """Small trees of several databases, side by side.

    Args:
        databases: names of layouts with ``+`` between them.
        unseen: of those that nobody trains on, which are tested on as well.
        subjects: of each, 1 on; as many as it has where it has fewer.
        samples: of each finger in a session, likewise; 0 for four.

    Raises:
        ConfigError: an unknown database, or a number outside its range.
    """

    databases: str = "sdumla+mmcbnu+fv_usm+utfvp+vera+nupt_fpv"
    unseen: str = ""
    subjects: int = 4
    samples: int = 2

    def __post_init__(self) -> None:
        within("subjects", self.subjects, 1, 1_000_000)
        within("samples", self.samples, 0, 1_000_000)
        for name in (*split(self.databases), *split(self.unseen)):
            pick("database", name, DATABASES)

    def small(self, database: Database) -> Small:
        """Return how much of a database is written."""
        return Small(min(self.subjects, database.subjects), min(self.samples, database.samples))


def split(names: str) -> tuple[str, ...]:
    """Return the names in an option, each once."""
    return tuple(dict.fromkeys(name for name in names.split(BETWEEN) if name))


def write_small(
    out: Path, seed: int, database: Database, options: Small, progress: Progress | None = None
) -> None:
    """Write a small tree of drawn fingers in a database's layout, by all its sensors unless one is named."""
    every = list(database.parts if database.sensors else list(database.parts)[:1])
    parts = (
        [pick("part", options.part, dict.fromkeys(database.parts, options.part))] if options.part else every
    )
    write_parts(out, database, options, {part: drawn(database, part, seed) for part in parts}, progress)


def write_sensors(
    out: Path, seed: int, options: Sensors, spread: Any = map, progress: Progress | None = None
) -> None:
    """Draw every sensor's fingers into a folder of its own."""

    def write(folder: Path, name: str) -> None:
        write_fingers(folder, seed, options.drawing(name), spread, progress)

    _side_by_side(out, "vein_sensors", seed, options, (split(options.sensors), split(options.unseen)), write)


def write_databases(
    out: Path, seed: int, options: Databases, spread: Any = map, progress: Progress | None = None
) -> None:
    """Write a small tree of every database into a folder of its own."""

    def write(folder: Path, name: str) -> None:
        write_small(folder, seed, DATABASES[name], options.small(DATABASES[name]), progress)

    names = (split(options.databases), split(options.unseen))
    _side_by_side(out, "vein_databases", seed, options, names, write)


def _side_by_side(
    out: Path,
    layout: str,
    seed: int,
    options: Any,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    write: Callable[[Path, str], None],
) -> None:
    told = {"made_by": "isofed", "layout": layout, "seed": seed, "options": asdict(options)}
    with placed(out, told) as folder:
        for seen, where in zip(names, (folder, folder / UNSEEN), strict=True):
            for name in seen:
                where.mkdir(exist_ok=True)
                write(where / name, name)


def _levels_at(root: Path, find: Find, site: str | None) -> tuple[Path, ...]:
    """Return where a level may be declared: beside all, and beside each database or a client's own."""
    sensors = find(root, site)
    own = sensors if site is None else seat(sensors, site).sensors
    return tuple(dict.fromkeys((root, *(sensor.root for sensor in own))))


def _checked(root: Path, find: Find, progress: Progress | None) -> list[Finding]:
    sensors = find(root, None)
    found = []
    for sensor in sensors:
        shown = f"{sensor.name}: " if len(sensors) > 1 else ""
        lines = check_database(sensor.root, sensor.database, progress, sensor.part)
        found += [Finding(f"{shown}{line.what}", line.found, line.expected, line.ok) for line in lines]
    return found


def _layout(name: str, summary: str, options: type[Any], make: Any, find: Find) -> DataLayout:
    def opened(root: Path, site: str, cache: Path, chosen: VeinOptions) -> Samples:
        return open_seat(seat(find(root, site), site), cache, chosen)

    def tested(root: Path, cache: Path, chosen: VeinOptions) -> Tests:
        return open_tests(find(root, None), cache, chosen)

    def owners(root: Path, level: str) -> tuple[Site, ...]:
        return sites(find(root, None), level)

    def check(root: Path, progress: Progress | None = None) -> Sequence[Finding]:
        return _checked(root, find, progress)

    return DataLayout(
        name=name,
        summary=summary,
        options=options,
        make=make,
        check=check,
        resolve=lambda root, chosen: {"classes": fingers(find(root, None), chosen)},
        sites=owners,
        open_train=opened,
        open_test=tested,
        folders=lambda root, site: _levels_at(root, find, site),
    )


def one(database: Database) -> DataLayout:
    """Return a database by itself as a layout."""

    def make(out: Path, seed: int, options: Any, spread: Any = map, progress: Progress | None = None) -> None:
        if database is FINGERVEINSYN:
            write_fingers(out, seed, options, spread, progress)
        else:
            write_small(out, seed, database, options, progress)

    summary = f"{database.title}: {database.total():,} pictures of {database.subjects:,} subjects' fingers"
    options = Drawing if database is FINGERVEINSYN else Small
    return _layout(database.name, summary, options, make, partial(alone, database))


LAYOUTS: dict[str, DataLayout] = {
    **{name: one(database) for name, database in DATABASES.items()},
    "vein_databases": _layout(
        "vein_databases",
        "several finger vein databases side by side, a folder and a client each",
        Databases,
        write_databases,
        several,
    ),
    "vein_sensors": _layout(
        "vein_sensors",
        "drawn fingers before several virtual sensors, a folder and a client each",
        Sensors,
        write_sensors,
        several,
    ),
}
