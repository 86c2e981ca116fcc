"""The action unit experiment: draw, train a magnifier, run six folds of every arm, count."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isofed.simulations.experiments.action_units.counts import Counts, answer
from isofed.simulations.experiments.action_units.found import numbers
from isofed.simulations.experiments.action_units.options import ActionUnitExperiment
from isofed.simulations.experiments.action_units.plans import (
    FEDERATED,
    POOLED,
    UNMAGNIFIED,
    Arm,
    arms,
    plans,
)
from isofed.simulations.experiments.action_units.told import page, text
from isofed.simulations.experiments.course import Course, Work, conducted, counted, opened, ran
from isofed.simulations.experiments.folder import draw
from isofed.tasks.action_units.magnify_training import Magnify, train

POOL = 5  # databases that one trainer holds


def run(options: ActionUnitExperiment, folder: Path) -> dict[str, Any]:
    """Run or continue the experiment in ``folder``; see :func:`conducted`."""
    return conducted(Course(plans, lambda found: found.engine, work, text, page), options, folder)


def work(given: Work) -> dict[str, Any]:
    """Draw every seed's databases and train the magnifier meanwhile; run, and count what was found."""
    found = given.plans
    # one process trains it while the others draw
    magnifier = given.pool.submit(_magnifier, given.options.magnifier_steps, found.magnifier)
    everything: list[Arm] = []
    for seed in given.options.each:
        mine = found.of(seed)
        draw(next(iter(mine.sites.values())), given.pool, given.progress, f"databases of seed {seed}")
        everything += arms(mine, seed)
    given.progress.step("training the magnifier", 0, 1)
    magnifier.result()
    opened(
        given, [arm.federation for arm in everything if arm.row in (FEDERATED, POOLED, UNMAGNIFIED)], "clips"
    )
    federations = [arm.federation for arm in everything]
    worth = {arm.federation.name: POOL for arm in everything if arm.row == POOLED}
    ran(given, federations, counted(given, federations, worth))
    return numbers(everything, _answers(given, everything))


def _magnifier(steps: int, place: Path | None) -> None:
    """Train it, or go on; in a worker, on one thread."""
    if place is not None and not place.exists():
        train(Magnify(steps=steps, threads=1), place)


def _answers(given: Work, everything: Sequence[Arm]) -> list[Counts]:
    found: list[Counts] = []
    for each in given.pool.map(answer, [arm.federation for arm in everything], 4):
        found.append(each)
        given.progress.step("counting", len(found), len(everything))
    return found
