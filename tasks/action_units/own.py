"""What a site can measure alone: clips of its own people whom it does not train on."""

from typing import Any

import numpy as np

from isofed.tasks.action_units import counts
from isofed.tasks.action_units.evaluate import BRANCHES, through
from isofed.tasks.action_units.labels import unpacked
from isofed.tasks.action_units.options import ActionUnitOptions
from isofed.tasks.task import OwnBenchmark, Samples, Statistics

WORDS = "the own database's unseen people, all units together"


def measure(
    model: Any, trained: Samples, held: Samples, options: ActionUnitOptions, device: str
) -> Statistics:
    """Return how often units were hit, falsely found, missed and rightly not found, all twelve together.

    How often a site shows which unit is its own affair, and is not told.

    Args:
        model: in evaluation mode.
        trained: the site's other clips; not looked at.
        held: M clips, those of a person together; none of that person is trained on.
        options: of the task.
        device: where the model lies.
    """
    said = through(model, held.inputs, len(held))[BRANCHES[0]]
    found = counts.counted(unpacked(np.asarray(held.labels)) > 0, said > 0).sum(0)
    return dict(zip(counts.KINDS, map(float, found), strict=True))


def result(statistics: Statistics) -> dict[str, dict[str, float]]:
    """Return ``own_macro`` and ``own_binary``, F1 as in counts.py but of all units together; no spread."""
    found = np.array([statistics[kind] for kind in counts.KINDS]).astype(np.int64)
    if not found.any():
        return {"mean": {}, "spread": {}}
    mean = {"own_macro": float(counts.macro(found)), "own_binary": float(counts.f1(found))}
    return {"mean": mean, "spread": dict.fromkeys(mean, 0.0)}


OWN = OwnBenchmark(words=WORDS, sums=lambda options: counts.KINDS, measure=measure, result=result)
