"""The experiment from its options to its page; whatever is done in a folder is not done again."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isofed.events import Emit, fan_out
from isofed.files import write_json
from isofed.simulations.alongside import side_by_side
from isofed.simulations.experiments.folder import claim, draw, workers
from isofed.simulations.experiments.micro_gesture.found import gathered
from isofed.simulations.experiments.micro_gesture.options import MicroGestureExperiment
from isofed.simulations.experiments.micro_gesture.plans import Arm, Plans, arms, plans
from isofed.simulations.experiments.micro_gesture.told import page, text
from isofed.simulations.facts import Open
from isofed.simulations.folder import sweep
from isofed.simulations.lock import locked
from isofed.simulations.pool import Pool
from isofed.simulations.progress import Progress
from isofed.simulations.report.document import write_page
from isofed.simulations.stopwatch import Stopwatch

PAGE, NUMBERS, OPTIONS = "experiment.html", "experiment.json", "options.json"


def run(options: MicroGestureExperiment, folder: Path) -> dict[str, Any]:
    """Run or continue the experiment in ``folder``, print its tables and write its page.

    Args:
        options: the same as before where the folder holds a part of it.
        folder: of the experiment; clips, runs, ``experiment.json`` and ``experiment.html``.

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
            results = {**_run(options, found, pool, watch), "workers": pool.workers}
        numbers = {**results, "options": asdict(options), "seconds": watch.total}
        write_json(folder / NUMBERS, numbers)
        write_page(folder / PAGE, page(numbers))
    print(f"{text(numbers)}\n\npage: {folder / PAGE}")
    return numbers


def _run(options: MicroGestureExperiment, found: Plans, pool: Pool, watch: Stopwatch) -> dict[str, Any]:
    progress = Progress(0)
    everything: list[Arm] = []
    for seed in options.each:
        mine = found.of(seed)
        draw(mine.sites, pool, progress, f"rooms of seed {seed}")
        everything += arms(mine, options, seed)
    _open(everything, pool, progress)
    emit = fan_out(watch, _counted(everything, progress))
    results = side_by_side([arm.federation for arm in everything], pool, emit)
    progress.end()
    return gathered(everything, results)


def _open(everything: Sequence[Arm], pool: Pool, progress: Progress) -> None:
    """Prepare every clip once, before several processes would do so in the same folder."""
    readers = {(arm.seed, arm.federation.sites): arm.federation for arm in everything if not arm.site}
    for done, federation in enumerate(readers.values()):
        progress.step("preparing clips", done, len(readers))
        # pooled and federated runs of a seed have one evaluator's folder; they come one after the other
        list(pool.map(Open(federation), [*federation.sites, None], 1))


def _counted(everything: Sequence[Arm], progress: Progress) -> Emit:
    """Return a sink that counts a reply of who holds everything for as many as there are rooms."""
    rooms = max(len(arm.federation.sites) for arm in everything)
    worth = {a.federation.name: rooms if a.federation.sites == ("pooled",) else 1 for a in everything}
    progress.total = sum(a.federation.left * worth[a.federation.name] for a in everything)

    def heard(name: str, **fields: Any) -> None:
        if name == "reply":
            progress.done += worth[fields["run"]] - 1
        progress(name, **fields)

    return heard
