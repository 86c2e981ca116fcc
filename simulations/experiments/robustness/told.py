"""How the robustness experiment is told; see experiments/shown.py."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from isofed.simulations.experiments import shown
from isofed.simulations.experiments.robustness.options import RobustnessExperiment
from isofed.simulations.experiments.robustness.plans import BACKDOOR, COMMON, NONE, ON_DATA
from isofed.simulations.experiments.shown import Sheet, Telling
from isofed.simulations.experiments.tables import gain, pm
from isofed.simulations.report.words import MISSING


def lead(options: Mapping[str, Any]) -> str:
    """Return what was done in a sentence."""
    return (
        f"Of nine cameras (reid) or seven sensors (vein) {options['hostile']} attacks: accuracy of the model "
        "by the rule that makes it, and what each attack takes of it. Accuracy: pictures recognised that "
        "the sites held out (reid); rank-1 of unseen fingers (vein)."
    )


def sheets(numbers: Mapping[str, Any]) -> Sequence[Sheet]:
    """Return the tables of what attacks took, of attacks on samples, and of triggers."""
    every = (*COMMON[1:], *ON_DATA)
    lost = [
        [row, *(gain(each[name]) if name in each else MISSING for name in every)]
        for row, each in numbers["lost"].items()
    ]
    found = [
        Sheet("Attack success: accuracy lost against the same rule unattacked", ("points", *every), lost)
    ]
    for key, title, heads in (
        ("data", "Accuracy under attacks on samples", ON_DATA),
        ("trigger", "Attack success: pictures taken for the target with the trigger", (NONE, BACKDOOR)),
    ):
        rows = [[row, *(pm(each[name]) for name in heads)] for row, each in numbers[key].items()]
        found += [Sheet(title, ("per cent", *heads), rows)] if rows else []
    before = [[task, pm(each)] for task, each in numbers["untrained"].items()]
    return [*found, Sheet("Accuracy before the first round", ("per cent", "untrained"), before)]


TELLING = Telling("robustness", "Rules and attacks", lead, RobustnessExperiment, COMMON, sheets)
text, page, written, command = (
    partial(form, TELLING) for form in (shown.text, shown.page, shown.written, shown.command)
)
