"""How the robustness experiment is told; see experiments/shown.py."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from isofed.simulations.experiments import shown
from isofed.simulations.experiments.robustness.options import RobustnessExperiment
from isofed.simulations.experiments.robustness.plans import BACKDOOR, COMMON, NONE, ON_DATA
from isofed.simulations.experiments.shown import Sheet, Telling
from isofed.simulations.report.words import points


def lead(options: Mapping[str, Any]) -> str:
    """Return what was done in a sentence."""
    return (
        f"{options['hostile']} of nine cameras (reid) or of seven sensors (vein) attacks: accuracy of the "
        "model by the rule that makes it, and what each attack takes of it. Accuracy is, of pictures that "
        "the sites held out, how many are recognised (reid), and rank-1 of unseen fingers (vein)."
    )


def sheets(numbers: Mapping[str, Any]) -> Sequence[Sheet]:
    """Return the tables: of each task accuracy, and what attacks took; of triggers; and where all began."""
    tasks = list(dict.fromkeys(row.partition(",")[0] for row in numbers["lost"]))
    found = [sheet for task in tasks for sheet in _of_task(numbers, task)]
    taken = [
        [row, *(by_seed(each[name]) for name in (NONE, BACKDOOR))] for row, each in numbers["trigger"].items()
    ]
    heads = ("backdoor's success, per cent", NONE, BACKDOOR)
    title = "Pictures taken for the target with the trigger, by seed"
    found += [Sheet(title, heads, taken)] if taken else []
    before = [[task, by_seed(each)] for task, each in numbers["untrained"].items()]
    return [*found, Sheet("Accuracy before the first round, by seed", ("per cent", "untrained"), before)]


def _of_task(numbers: Mapping[str, Any], task: str) -> Iterator[Sheet]:
    level = {row["name"]: {**row, **numbers["data"].get(row["name"], {})} for row in numbers["rows"]}
    own = {row.partition(", ")[2]: row for row in level if row.startswith(f"{task},")}
    names = [name for name in (*COMMON, *ON_DATA) if name in level[next(iter(own.values()))]]
    rows = [[rule, *(by_seed(level[row][name]) for name in names)] for rule, row in own.items()]
    yield Sheet(f"{task}: accuracy, by seed", (f"{task}: accuracy, per cent", *names), rows)
    lost = numbers["lost"]
    rows = [[rule, *(points(lost[row][name]["mean"]) for name in names[1:])] for rule, row in own.items()]
    title = f"{task}: attack success, accuracy lost against the same rule unattacked, mean over seeds"
    yield Sheet(title, (f"{task}: points lost", *names[1:]), rows)


def by_seed(value: Mapping[str, Any]) -> str:
    """Return what was found with each seed, in whole per cent: of so few no interval says anything."""
    return " / ".join(f"{100 * each:.0f}" for each in value["each"])


TELLING = Telling(
    "robustness", "Rules and attacks", lead, RobustnessExperiment, COMMON, sheets, charts=4, alone=True
)
text, page, written, command = (
    partial(form, TELLING) for form in (shown.text, shown.page, shown.written, shown.command)
)
