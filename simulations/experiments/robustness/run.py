"""The robustness experiment: draw, run every rule under every attack, gather."""

from pathlib import Path
from typing import Any

from isofed.simulations.experiments.course import Course, Work, conducted, opened
from isofed.simulations.experiments.folder import draw
from isofed.simulations.experiments.robustness.found import gathered, outcome
from isofed.simulations.experiments.robustness.options import RobustnessExperiment
from isofed.simulations.experiments.robustness.plans import NONE, Arm, arms, of, plans
from isofed.simulations.experiments.robustness.told import page, text


def run(options: RobustnessExperiment, folder: Path) -> dict[str, Any]:
    """Run or continue the experiment in ``folder``; see :func:`conducted`."""
    course = Course(plans, lambda found: next(iter(found.values())).engine, work, text, page)
    return conducted(course, options, folder)


def work(given: Work) -> dict[str, Any]:
    """Draw every seed's data, run all arms side by side."""
    everything: list[Arm] = []
    for seed in given.options.each:
        for task, plan in given.plans.items():
            mine = of(plan, seed)
            draw(mine, given.pool, given.progress, f"{task} of seed {seed}")
            everything += arms(mine, given.options, task, seed)
    first = {(arm.task, arm.seed): arm.federation for arm in everything if arm.attack == NONE}
    opened(given, list(first.values()), "preparing pictures")
    found = []
    for each in given.pool.map(outcome, everything, 1):
        found.append(each)
        given.watch.save()
        given.progress.step("federations", len(found), len(everything))
    return gathered(everything, found)
