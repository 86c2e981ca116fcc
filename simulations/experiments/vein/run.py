"""The experiment from its options to its page; whatever is done in a folder is not done again."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isofed.events import Emit, fan_out
from isofed.files import write_json
from isofed.simulations.alongside import side_by_side
from isofed.simulations.experiments.folder import claim, draw, workers
from isofed.simulations.experiments.vein.found import gathered
from isofed.simulations.experiments.vein.options import VeinExperiment
from isofed.simulations.experiments.vein.page import page
from isofed.simulations.experiments.vein.plans import (
    POOLED,
    PRETRAINED,
    SCRATCH,
    Arm,
    Plans,
    arms,
    plans,
    pretraining,
    prune,
    weights,
)
from isofed.simulations.experiments.vein.scores import answer, asks, together
from isofed.simulations.experiments.vein.told import text
from isofed.simulations.facts import Open
from isofed.simulations.federation import Federation
from isofed.simulations.folder import sweep
from isofed.simulations.lock import locked
from isofed.simulations.pool import Pool
from isofed.simulations.progress import Progress
from isofed.simulations.report.document import write_page
from isofed.simulations.stopwatch import Stopwatch

PAGE, NUMBERS, OPTIONS = "experiment.html", "experiment.json", "options.json"


@dataclass
class Work:
    """The experiment under way."""

    options: VeinExperiment
    plans: Plans
    pool: Pool
    progress: Progress


def run(options: VeinExperiment, folder: Path) -> dict[str, Any]:
    """Run or continue the experiment in ``folder``, print its table and write its page.

    Args:
        options: the same as before where the folder holds a part of it.
        folder: of the experiment; pictures, runs, ``experiment.json`` and ``experiment.html``.

    Returns:
        The object of experiment.json.

    Raises:
        CheckpointError: the folder holds an experiment with other options, or a process works in it.
    """
    begun = time.monotonic()
    found = plans(options, folder)
    with locked(folder):
        watch = Stopwatch.start(folder / "seconds.json", since=begun)
        claim(options, folder / OPTIONS)
        sweep(folder)
        with workers(found.sites.engine) as pool:
            results = _run(Work(options, found, pool, Progress(0)), watch)
        numbers = {**results, "options": asdict(options), "seconds": watch.total}
        write_json(folder / NUMBERS, numbers)
        write_page(folder / PAGE, page(numbers))
    print(f"{text(numbers)}\n\npage: {folder / PAGE}")
    return numbers


def _run(work: Work, watch: Stopwatch) -> dict[str, Any]:
    """Draw, pretrain beside what starts from scratch, fine-tune, gather."""
    options = work.options
    draw(work.plans.public, work.pool, work.progress, "public fingers")
    by_seed = {seed: work.plans.of(seed) for seed in options.each}
    for seed, found in by_seed.items():
        draw(found.sites, work.pool, work.progress, f"sites of seed {seed}")
    before = pretraining(work.plans.public)
    started = {
        start: [
            arm
            for seed, found in by_seed.items()
            for arm in arms(found, options, seed, start, weights(before) if start == PRETRAINED else None)
        ]
        for start in (SCRATCH, PRETRAINED)
    }
    everything = [arm for each in started.values() for arm in each]
    _open(work, [before, *_readers(everything)])
    emit = fan_out(watch, _counted(work, before, everything))
    # the long ones first, so that no core idles beside the last of them
    first = [before, *(arm.federation for arm in started[SCRATCH])]
    results: dict[str, Any] = {}
    for phase in (first, [arm.federation for arm in started[PRETRAINED]]):
        results |= side_by_side(phase, work.pool, emit)
        for federation in phase:
            prune(federation)
    curves = _scored(work, everything)
    work.progress.end()
    numbers = gathered(everything, before.name, results)
    return {**numbers, "scores": curves, "workers": work.pool.workers}


def _readers(everything: Iterable[Arm]) -> list[Federation]:
    """Return, of runs that read the same pictures, one each: the starts share what the sites decoded."""
    seen = {(arm.seed, arm.way): arm.federation for arm in everything if not arm.site}
    return list(seen.values())


def _open(work: Work, federations: list[Federation]) -> None:
    """Decode every picture once, before several processes would do so in the same folder."""
    for done, federation in enumerate(federations):
        work.progress.step("decoding pictures", done, len(federations))
        # pooled and federated runs of a seed have one evaluator's folder; they come one after the other
        list(work.pool.map(Open(federation), [*federation.sites, None], 1))


def _scored(work: Work, everything: Iterable[Arm]) -> dict[str, Any]:
    """Compare all tested pictures once more with every run's last model, for curves and histograms."""
    wanted, found = list(asks(everything)), []
    for curves in work.pool.map(answer, wanted, 1):
        found.append(curves)
        work.progress.step("scores of models", len(found), len(wanted))
    return together([ask.row for ask in wanted], found)


def _counted(work: Work, before: Federation, everything: Iterable[Arm]) -> Emit:
    """Return a sink that counts a reply for as many pictures as it went through."""
    options = work.options
    public, few = options.fingers * options.images, options.few_fingers * options.few_images
    count = len(work.plans.sites.data.make["sensors"].split("+"))
    worth = {before.name: public}
    for arm in everything:
        worth[arm.federation.name] = few * options.local_epochs * (count if arm.way == POOLED else 1)
    federations = [before, *(arm.federation for arm in everything)]
    work.progress.total = sum(f.left * worth[f.name] for f in federations)

    def heard(name: str, **fields: Any) -> None:
        if name == "reply":
            work.progress.done += worth[fields["run"]] - 1
        work.progress(name, **fields)

    return heard
