"""The cost-of-privacy experiment: draw, run every task without privacy and at every ε, gather."""

from pathlib import Path
from typing import Any

from isofed.simulations.experiments.course import Course, Work, conducted, counted, opened, ran
from isofed.simulations.experiments.folder import draw
from isofed.simulations.experiments.privacy.found import numbers
from isofed.simulations.experiments.privacy.options import PrivacyExperiment
from isofed.simulations.experiments.privacy.plans import OPEN, Arm, arms, plans
from isofed.simulations.experiments.privacy.told import page, text


def run(options: PrivacyExperiment, folder: Path) -> dict[str, Any]:
    """Run or continue the experiment in ``folder``; see :func:`conducted`."""
    return conducted(Course(plans, lambda found: found.engine, work, text, page), options, folder)


def work(given: Work) -> dict[str, Any]:
    """Draw every task's data of every seed, run all side by side."""
    everything: list[Arm] = []
    for case in given.options.cases:
        for seed in given.options.each:
            draw(given.plans.of(case, seed), given.pool, given.progress, f"{case.task}, seed {seed}")
            everything += arms(given.plans, case, seed)
    # what a site prepares of its data serves all of its runs
    opened(given, [arm.federation for arm in everything if arm.row == OPEN], "preparing data")
    federations = [arm.federation for arm in everything]
    return numbers(everything, ran(given, federations, counted(given, federations, {})))
