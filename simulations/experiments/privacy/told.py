"""How the cost of privacy is told; see experiments/shown.py."""

from collections.abc import Mapping
from typing import Any

from isofed.simulations.experiments import shown
from isofed.simulations.experiments.privacy.options import PrivacyExperiment
from isofed.simulations.experiments.shown import Numbers, Telling


def lead(options: Mapping[str, Any]) -> str:
    """Return what was done in a sentence or two."""
    return (
        f"The same federation without privacy and with DP-SGD at its sites, ε {options['epsilons']} for a "
        f"whole run at δ = {options['delta']:g}, for each of what stands in brackets: what is measured on "
        "each task, and what each ε costs."
    )


def telling(numbers: Numbers) -> Telling:
    """Return how these numbers are told: a column, and a chart, for each task that ran."""
    names = tuple(numbers["measures"])
    title = "The cost of privacy: accuracy against ε"
    return Telling("privacy", title, lead, PrivacyExperiment, names, charts=len(names))


def text(numbers: Numbers) -> str:
    """Return it for a terminal."""
    return shown.text(telling(numbers), numbers)


def page(numbers: Numbers) -> str:
    """Return it as HTML."""
    return shown.page(telling(numbers), numbers)


def written(numbers: Numbers) -> str:
    """Return it as Markdown."""
    return shown.written(telling(numbers), numbers)
