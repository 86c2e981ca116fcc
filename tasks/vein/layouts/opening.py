"""What a client trains on and what the evaluator tests on, opened from the folder that each may look into."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError
from isofed.seeds import public
from isofed.tasks.layouts.joined import Joined
from isofed.tasks.task import Samples
from isofed.tasks.vein.benchmarks.rules import RULES, Split, Takes
from isofed.tasks.vein.layouts.database import Database
from isofed.tasks.vein.layouts.databases import FINGERVEINSYN
from isofed.tasks.vein.layouts.flipped import doubled
from isofed.tasks.vein.layouts.halves import TestSet, few, held_out
from isofed.tasks.vein.layouts.owners import Seat, Sensor
from isofed.tasks.vein.layouts.pictures import VeinFile
from isofed.tasks.vein.layouts.read import Fingers, list_files, shown, takes_of
from isofed.tasks.vein.options import VeinOptions

Integers = NDArray[np.int64]
SINGLE = 50  # the last of a drawn finger's pictures in which one thing alone varies
SMALLEST = 2  # fingers that a client must hold: of one there is nothing to tell apart


@dataclass(frozen=True)
class Tests:
    """What the evaluator holds: the tested half of every sensor's subjects, by the sensor's name."""

    __test__ = False  # not a test case, whatever pytest thinks of the name
    sets: Mapping[str, TestSet]


@dataclass(frozen=True)
class Listed:
    """A sensor's pictures before any is opened: the files, whom they show, and who is on which side."""

    files: tuple[VeinFile, ...]
    takes: Takes
    split: Split
    database: Database


def listed(sensor: Sensor, options: VeinOptions) -> Listed:
    """List a sensor's pictures and part them by the options' rule.

    Raises:
        DataError: as ``list_files`` and the rules.
    """
    files = list_files(sensor.root, sensor.database, sensor.part or options.part)
    takes = takes_of(files)
    return Listed(files, takes, RULES[options.rule](takes), sensor.database)


def open_seat(seat: Seat, cache: Path, options: VeinOptions) -> Samples:
    """Open a client's training pictures, labelled by finger from 0.

    Raises:
        DataError: as :func:`listed`, or the client would hold fewer than two fingers.
    """
    parts = [_part(sensor, seat, cache / sensor.name, options) for sensor in seat.sensors]
    labels = numbered(seat.sensors, [fingers.takes for fingers in parts])
    count = int(labels.max(initial=-1)) + 1
    if count < SMALLEST:
        raise DataError(
            f"{seat.name} holds {count} fingers to train on; expected {SMALLEST} or more: give it more "
            "subjects, or leave it out"
        )
    if options.labels == "shuffled":
        labels = public(0, 0, seat.name, "shuffled labels").permutation(labels)
    domains = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    pixels: tuple[Any, ...] = tuple(part.pixels for part in parts)
    if options.flips:
        pixels, labels, domains = doubled(pixels, labels, domains)
    return Samples(pixels[0] if len(pixels) == 1 else Joined(pixels), labels, domains)


def numbered(sensors: tuple[Sensor, ...], takes: list[Takes]) -> Integers:
    """Return the fingers of several sensors' pictures as numbers from 0, (N,).

    Sensors of one database that see the same side of a finger see the same fingers; all others do not.
    """
    kinds = list(dict.fromkeys((s.root, s.database.parts[s.part].veins if s.part else "") for s in sensors))
    rows = []
    for sensor, each in zip(sensors, takes, strict=True):
        veins = sensor.database.parts[sensor.part].veins if sensor.part else ""
        kind = np.full(len(each), kinds.index((sensor.root, veins)))
        rows.append(np.stack([kind, each.subjects, each.fingers], 1))
    numbers: Integers = np.unique(np.concatenate(rows), axis=0, return_inverse=True)[1].reshape(-1)
    return numbers.astype(np.int64)


def open_tests(sensors: tuple[Sensor, ...], cache: Path, options: VeinOptions) -> Tests:
    """Open the tested pictures of every sensor; nobody who is trained on is among them."""
    return Tests({sensor.name: _tested(sensor, cache / sensor.name, options) for sensor in sensors})


def fingers(sensors: tuple[Sensor, ...], options: VeinOptions) -> int:
    """Return the fingers that all sensors have to train on, for one trainer who holds them all."""
    seen = tuple(sensor for sensor in sensors if sensor.seen)
    takes = [found.takes.take(_chosen(found, options)) for found in (listed(s, options) for s in seen)]
    count = int(numbered(seen, takes).max(initial=-1)) + 1
    return 2 * count if options.flips else count


def own_rows(found: Listed, seat: Seat, options: VeinOptions) -> Integers:
    """Return which pictures a client trains on: of the training half its share, and of that a few."""
    rows, subjects = found.split.train, found.takes.subjects
    mine = np.array_split(np.unique(subjects[rows]), seat.of)[seat.number]
    return _few(found, rows[np.isin(subjects[rows], mine)], options)


def _chosen(found: Listed, options: VeinOptions) -> Integers:
    return _few(found, found.split.train, options)


def _few(found: Listed, rows: Integers, options: VeinOptions) -> Integers:
    if options.single and found.database is FINGERVEINSYN:
        rows = rows[found.takes.samples[rows] <= SINGLE]
    if options.share == 1 and not options.images:
        return rows
    return few(found.takes, rows, options.share, options.images or len(rows) or 1, 0)


def _part(sensor: Sensor, seat: Seat, cache: Path, options: VeinOptions) -> Fingers:
    found = listed(sensor, options)
    files = [found.files[row] for row in own_rows(found, seat, options)]
    if not files:
        raise DataError(f"{seat.name} holds no picture to train on; give it more subjects, or leave it out")
    return shown(files, sensor.database, cache, (options.height, options.width))


def _tested(sensor: Sensor, cache: Path, options: VeinOptions) -> TestSet:
    found = listed(sensor, options)
    asked = (
        found.split.enrol if found.split.probe is None else np.union1d(found.split.enrol, found.split.probe)
    )
    opened = shown(
        [found.files[row] for row in asked], sensor.database, cache, (options.height, options.width)
    )
    nobody = np.zeros(0, np.int64)
    probe = None if found.split.probe is None else np.searchsorted(asked, found.split.probe)
    return held_out(opened, Split(nobody, nobody, np.searchsorted(asked, found.split.enrol), probe))
