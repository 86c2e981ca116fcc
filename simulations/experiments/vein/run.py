"""The vein experiment: draw, pretrain beside what starts from scratch, fine-tune, gather."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from isofed.events import Emit
from isofed.simulations.experiments.course import Course, Work, conducted, counted, opened, ran
from isofed.simulations.experiments.folder import draw
from isofed.simulations.experiments.vein.found import gathered
from isofed.simulations.experiments.vein.options import VeinExperiment
from isofed.simulations.experiments.vein.page import page
from isofed.simulations.experiments.vein.plans import (
    POOLED,
    PRETRAINED,
    SCRATCH,
    Arm,
    arms,
    plans,
    pretraining,
    prune,
    weights,
)
from isofed.simulations.experiments.vein.scores import answer, asks, together
from isofed.simulations.experiments.vein.told import text
from isofed.simulations.federation import Federation


def run(options: VeinExperiment, folder: Path) -> dict[str, Any]:
    """Run or continue the experiment in ``folder``; see :func:`conducted`."""
    return conducted(Course(plans, lambda found: found.sites.engine, work, text, page), options, folder)


def work(given: Work) -> dict[str, Any]:
    """Draw, pretrain beside what starts from scratch, fine-tune, gather."""
    draw(given.plans.public, given.pool, given.progress, "public fingers")
    by_seed = {seed: given.plans.of(seed) for seed in given.options.each}
    for seed, found in by_seed.items():
        draw(found.sites, given.pool, given.progress, f"sites of seed {seed}")
    before = pretraining(given.plans.public)
    started = {
        start: [
            arm
            for seed, found in by_seed.items()
            for arm in arms(
                found, given.options, seed, start, weights(before) if start == PRETRAINED else None
            )
        ]
        for start in (SCRATCH, PRETRAINED)
    }
    everything = [arm for each in started.values() for arm in each]
    opened(given, [before, *_readers(everything)], "decoding pictures")
    emit = _counted(given, before, everything)
    # the long ones first, so that no core idles beside the last of them
    first = [before, *(arm.federation for arm in started[SCRATCH])]
    results: dict[str, Any] = {}
    for phase in (first, [arm.federation for arm in started[PRETRAINED]]):
        results |= ran(given, phase, emit)
        for federation in phase:
            prune(federation)
    return {**gathered(everything, before.name, results), "scores": _scored(given, everything)}


def _readers(everything: Iterable[Arm]) -> list[Federation]:
    """Return, of runs that read the same pictures, one each: the starts share what the sites decoded."""
    seen = {(arm.seed, arm.way): arm.federation for arm in everything if not arm.site}
    return list(seen.values())


def _scored(given: Work, everything: Iterable[Arm]) -> dict[str, Any]:
    """Compare all tested pictures once more with every run's last model, for curves and histograms."""
    wanted, found = list(asks(everything)), []
    for curves in given.pool.map(answer, wanted, 1):
        found.append(curves)
        given.progress.step("scores of models", len(found), len(wanted))
    return together([ask.row for ask in wanted], found)


def _counted(given: Work, before: Federation, everything: list[Arm]) -> Emit:
    """Return a sink that counts a reply for as many pictures as it went through."""
    options = given.options
    public, few = options.fingers * options.images, options.few_fingers * options.few_images
    count = len(given.plans.sites.data.make["sensors"].split("+"))
    worth = {before.name: public}
    for arm in everything:
        worth[arm.federation.name] = few * options.local_epochs * (count if arm.way == POOLED else 1)
    return counted(given, [before, *(arm.federation for arm in everything)], worth)
