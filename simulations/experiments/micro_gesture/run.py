"""The micro-gesture experiment: draw rooms, run every arm, gather."""

from pathlib import Path
from typing import Any

from isofed.simulations.experiments.course import Course, Work, conducted, counted, opened, ran
from isofed.simulations.experiments.folder import draw
from isofed.simulations.experiments.micro_gesture.found import gathered
from isofed.simulations.experiments.micro_gesture.options import MicroGestureExperiment
from isofed.simulations.experiments.micro_gesture.plans import Arm, arms, plans
from isofed.simulations.experiments.micro_gesture.told import page, text


def run(options: MicroGestureExperiment, folder: Path) -> dict[str, Any]:
    """Run or continue the experiment in ``folder``; see :func:`conducted`."""
    return conducted(Course(plans, lambda found: found.sites.engine, work, text, page), options, folder)


def work(given: Work) -> dict[str, Any]:
    """Draw every seed's rooms, run all arms side by side."""
    everything: list[Arm] = []
    for seed in given.options.each:
        mine = given.plans.of(seed)
        draw(mine.sites, given.pool, given.progress, f"rooms of seed {seed}")
        everything += arms(mine, given.options, seed)
    readers = {(arm.seed, arm.federation.sites): arm.federation for arm in everything if not arm.site}
    opened(given, list(readers.values()), "preparing clips")
    # a reply of who holds everything is worth as many as there are rooms
    rooms = max(len(arm.federation.sites) for arm in everything)
    worth = {a.federation.name: rooms for a in everything if a.federation.sites == ("pooled",)}
    federations = [arm.federation for arm in everything]
    return gathered(everything, ran(given, federations, counted(given, federations, worth)))
