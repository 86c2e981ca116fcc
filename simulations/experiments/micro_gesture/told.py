"""How the micro-gesture experiment is told; see experiments/shown.py."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from isofed.simulations.experiments import shown
from isofed.simulations.experiments.micro_gesture.found import MEASURES
from isofed.simulations.experiments.micro_gesture.options import MicroGestureExperiment
from isofed.simulations.experiments.shown import Telling


def lead(options: Mapping[str, Any]) -> str:
    """Return what was done in a sentence."""
    return (
        f"{options['rooms']} rooms with people of their own, {options['unlabelled']} without labels: "
        "training with reconstruction or without it where labels are few, hypergraph or plain attention."
    )


TELLING = Telling(
    "micro_gesture",
    "Micro-gestures: few labels, hyperedges",
    lead,
    MicroGestureExperiment,
    MEASURES,
)
text, page, written, command = (
    partial(form, TELLING) for form in (shown.text, shown.page, shown.written, shown.command)
)
