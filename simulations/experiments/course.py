"""The course of an experiment, from options to page; whatever is done in a folder is not done again."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from isofed.events import Emit, fan_out
from isofed.files import write_json
from isofed.simulations.alongside import side_by_side
from isofed.simulations.experiments.folder import claim, workers
from isofed.simulations.facts import Open
from isofed.simulations.federation import Federation
from isofed.simulations.folder import sweep
from isofed.simulations.lock import locked
from isofed.simulations.pool import Pool
from isofed.simulations.progress import Progress
from isofed.simulations.report.document import write_page
from isofed.simulations.stopwatch import Stopwatch

PAGE, NUMBERS, OPTIONS = "experiment.html", "experiment.json", "options.json"


@dataclass(frozen=True)
class Work:
    """An experiment under way: its options, its plans, and what it works and tells with."""

    options: Any
    plans: Any
    pool: Pool
    progress: Progress
    watch: Stopwatch


@dataclass(frozen=True)
class Course:
    """What tells one experiment from another.

    Args:
        plans: (options, folder) to what will run, refused early.
        engine: of the plans.
        work: draws, runs and gathers; returns the numbers, plain values.
        text: of the numbers, for a terminal.
        page: of the numbers, as HTML.
    """

    plans: Callable[[Any, Path], Any]
    engine: Callable[[Any], Any]
    work: Callable[[Work], Mapping[str, Any]]
    text: Callable[[Mapping[str, Any]], str]
    page: Callable[[Mapping[str, Any]], str]


def conducted(course: Course, options: Any, folder: Path) -> dict[str, Any]:
    """Run or continue an experiment in ``folder``, print its tables and write its page.

    Args:
        course: of the experiment.
        options: a dataclass; the same as before where the folder holds a part of it.
        folder: for data, runs, ``experiment.json`` and ``experiment.html``.

    Returns:
        the object of experiment.json.

    Raises:
        CheckpointError: the folder holds an experiment with other options, or a process works in it.
    """
    begun = time.monotonic()
    found = course.plans(options, folder)
    with locked(folder):
        watch = Stopwatch.start(folder / "seconds.json", since=begun)
        claim(options, folder / OPTIONS)
        sweep(folder)
        with workers(course.engine(found)) as pool:
            work = Work(options, found, pool, Progress(0), watch)
            results = {**course.work(work), "workers": pool.workers}
        work.progress.end()
        numbers = {**results, "options": asdict(options), "seconds": watch.total}
        write_json(folder / NUMBERS, numbers)
        write_page(folder / PAGE, course.page(numbers))
    print(f"{course.text(numbers)}\n\npage: {folder / PAGE}")
    return numbers


def opened(work: Work, federations: Sequence[Federation], what: str) -> None:
    """Prepare every site's data once, before several processes would do so in the same folder."""
    for done, federation in enumerate(federations):
        work.progress.step(what, done, len(federations))
        # federations of one seed may have one evaluator's folder; they come one after the other
        list(work.pool.map(Open(federation), [*federation.sites, None], 1))


def ran(work: Work, federations: Iterable[Federation], emit: Emit) -> dict[str, Any]:
    """Run what is not done yet, one federation a worker; return the results of all by name."""
    return side_by_side(federations, work.pool, emit)


def counted(work: Work, federations: Iterable[Federation], worth: Mapping[str, int]) -> Emit:
    """Return who hears of replies, and counts one for as much as it is worth, for the time left.

    Args:
        work: under way.
        federations: all that will run.
        worth: of a reply, by the federation's name; 1 where it is not told.
    """
    progress = work.progress
    progress.total = sum(each.left * worth.get(each.name, 1) for each in federations)

    def heard(name: str, **fields: Any) -> None:
        if name == "reply":
            progress.done += worth.get(fields["run"], 1) - 1
        progress(name, **fields)

    return fan_out(work.watch, heard)
