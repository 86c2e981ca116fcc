"""What the contract tests must know of each task: small numbers, and how to look into its data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from dummies import DUMMIES, SITES, DummyOptions, PointOptions, TestPoints, open_test

from isofed.simulations.federation import Federation
from isofed.tasks import TASKS
from isofed.tasks.action_units.layouts import listing
from isofed.tasks.action_units.layouts.databases import DATABASES
from isofed.tasks.action_units.layouts.motions import TestClips as TestFaces
from isofed.tasks.micro_gesture.layouts import owners as rooms
from isofed.tasks.micro_gesture.layouts.clips import TestClips
from isofed.tasks.micro_gesture.layouts.splits import sides
from isofed.tasks.micro_gesture.layouts.testing import SILO
from isofed.tasks.reid.layouts.sysu.read import read_lists
from isofed.tasks.reid.layouts.test_set import TestSet
from isofed.tasks.task import Task
from isofed.tasks.vein.layouts import opening, owners

ALL: dict[str, Task] = {**TASKS, **DUMMIES}


@dataclass(frozen=True)
class Case:
    """How a task is made small.

    Args:
        layout: the layout to train on.
        make: options of its generator.
        options: of the task.
        halves: test data to two parts with disjoint queries.
        subjects: (root, site, cache, options) to the subjects trained on at a site.
        tested: test data to the subjects tested on.
    """

    layout: str
    make: Any
    options: Mapping[str, Any]
    halves: Callable[[Any], tuple[Any, Any]]
    subjects: Callable[[Path, str, Path, Any], set[Any]]
    tested: Callable[[Any], set[Any]]


def _points(root: Path, site: str, cache: Path, options: DummyOptions) -> set[int]:
    return set(np.load(root / f"{site}.npz")["subjects"].tolist())


def _half_points(test: TestPoints) -> tuple[TestPoints, TestPoints]:
    return tuple(  # type: ignore[return-value]
        TestPoints(test.inputs[part], test.labels[part], test.subjects[part])
        for part in (slice(0, 11), slice(11, None))
    )


def _persons(root: Path, site: str, cache: Path, options: Any) -> set[int]:
    samples = ALL["reid"].layouts["sysu"].open_train(root, site, cache, options)
    return set(np.array(read_lists(root, "data").train_ids)[samples.labels].tolist())


def _half_images(test: TestSet) -> tuple[TestSet, TestSet]:
    def cut(part: slice) -> TestSet:
        query = replace(
            test.query, pixels=test.query.pixels[part], ids=test.query.ids[part], cams=test.query.cams[part]
        )
        return TestSet(query, test.gallery)

    return cut(slice(0, 7)), cut(slice(7, None))


def _fingers(root: Path, site: str, cache: Path, options: Any) -> set[tuple[str, int]]:
    seat = owners.seat(owners.several(root), site)
    found = [(sensor.name, opening.listed(sensor, options)) for sensor in seat.sensors]
    return {(n, s) for n, each in found for s in each.takes.subjects[each.split.train].tolist()}


def _tested_fingers(test: opening.Tests) -> set[tuple[str, int]]:
    return {(name, subject) for name, each in test.sets.items() for subject in each.fingers.takes.subjects}


def _half_sensors(test: opening.Tests) -> tuple[opening.Tests, opening.Tests]:
    return tuple(opening.Tests({name: each}) for name, each in test.sets.items())  # type: ignore[return-value]


def _people(root: Path, site: str, cache: Path, options: Any) -> set[int]:
    every = [silo.name for silo in rooms.silos(root)]
    (silo,) = rooms.silos(root, site)
    clips = rooms.listed(silo)
    return set((clips.subjects[sides(clips, options)[0]] + SILO * every.index(silo.name)).tolist())


def _half_videos(test: TestClips) -> tuple[TestClips, TestClips]:
    first = test.videos <= np.median(np.unique(test.videos))
    return test.take(np.flatnonzero(first)), test.take(np.flatnonzero(~first))


def _faces(root: Path, site: str, cache: Path, options: Any) -> set[tuple[str, str]]:
    found = listing.trained(root, "casme2", [site], options.near)
    return {(shot.clip.database, shot.clip.subject) for shot in found.shots}


def _tested_faces(test: TestFaces) -> set[tuple[str, int]]:
    keys = list(DATABASES)
    return {(keys[at], who) for at, who in zip(test.databases.tolist(), test.subjects.tolist(), strict=True)}


def _half_faces(test: TestFaces) -> tuple[TestFaces, TestFaces]:
    first = test.subjects <= np.median(np.unique(test.subjects))
    return test.take(np.flatnonzero(first)), test.take(np.flatnonzero(~first))


POINTS = Case("points", PointOptions(), {}, _half_points, _points, lambda test: set(test.subjects.tolist()))
CASES: dict[str, Case] = dict.fromkeys(DUMMIES, POINTS) | {
    "reid": Case(
        "sysu",
        TASKS["reid"].layouts["sysu"].options(16, 4, 4, 0.5, 32, 16),
        {
            "height": 32,
            "width": 16,
            "padding": 2,
            "batch_identities": 4,
            "batch_images": 2,
            "stem": 4,
            "stage2": 4,
            "stage3": 8,
            "dimensions": 8,
        },
        _half_images,
        _persons,
        lambda test: set(test.query.ids.tolist()) | set(test.gallery.ids.tolist()),
    ),
    "action_units": Case(
        "cd6me_to_casme2",
        TASKS["action_units"].layouts["cd6me_to_casme2"].options(subjects=2, clips=3, size=48, frames=4),
        {"size": 32, "width": 4, "batch": 4, "workers": 1},
        _half_faces,
        _faces,
        _tested_faces,
    ),
    # the second room knows nobody's emotion
    "micro_gesture": Case(
        "micro_gesture_silos",
        TASKS["micro_gesture"].layouts["micro_gesture_silos"].options(2, 1, subjects=4, videos=2, clips=2),
        {"split": "subjects", "width": 12, "batch": 4},
        _half_videos,
        _people,
        lambda test: set(test.subjects.tolist()),
    ),
    "vein": Case(
        "vein_sensors",
        TASKS["vein"].layouts["vein_sensors"].options("usm_like+vera_like", fingers=8, samples=4),
        {"height": 16, "width": 48, "backbone": "tiny", "dimensions": 8, "batch": 8},
        _half_sensors,
        _fingers,
        _tested_fingers,
    ),
}


@dataclass(frozen=True)
class World:
    """One task with its data on disk."""

    name: str
    root: Path
    home: Path
    case: Case = field(repr=False)
    protocol: Mapping[str, Any] = field(default_factory=lambda: {"name": "camera", "min_images": 2})

    @property
    def strict(self) -> "World":
        """The same world under strict cameras, which let out centres and rows of heads."""
        level = {"name": "camera_strict", "min_images": 2, "centres": "with_rows"}
        return replace(self, home=self.home.with_name("strict homes"), protocol=level)

    @property
    def task(self) -> Task:
        """The task."""
        return ALL[self.name]

    @property
    def layout(self) -> Any:
        """Its layout."""
        return self.task.layouts[self.case.layout]

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites' names under ``protocol=camera``."""
        return tuple(site.name for site in self.layout.sites(self.root, "camera"))

    @property
    def resolved(self) -> Mapping[str, Any]:
        """Options that only the data can tell."""
        return self.layout.resolve(self.root, self.task.options(**self.case.options))

    @property
    def options(self) -> Any:
        """The task's options, small."""
        return self.task.options(**self.case.options, **self.resolved)

    def samples(self, site: str | None = None) -> Any:
        """Open a site's training data, by default the first one's."""
        site = site or self.sites[0]
        return self.layout.open_train(self.root, site, self.home / site / "train", self.options)

    def test_data(self) -> Any:
        """Open the test data."""
        return self.layout.open_test(self.root, self.home / "evaluator" / "test", self.options)

    def cfg(self, strategy: Mapping[str, Any], rounds: int = 2, **more: Any) -> dict[str, Any]:
        """Return the configuration that both halves of a federation read."""
        strict = self.protocol["name"] == "camera_strict"
        task = {"name": self.name, **self.case.options, **({} if strict else self.resolved)}
        return {
            "run": "test",
            "seed": 3,
            "rounds": rounds,
            "evaluate_every": 1,
            "layout": self.case.layout,
            "task": {**task, **more},
            "protocol": dict(self.protocol),
            "strategy": dict(strategy),
        }

    def federation(
        self,
        folder: Path,
        strategy: Mapping[str, Any],
        sites: tuple[str, ...] = (),
        rounds: int = 2,
        **more: Any,
    ) -> Federation:
        """Return a federation of this world's sites, by default all."""
        cfg = self.cfg(strategy, rounds, **more)
        return Federation("test", cfg, sites or self.sites, self.root, self.home, folder)


__all__ = ["ALL", "CASES", "SITES", "World", "open_test"]
