"""What the runs gave: every row over seeds, the differences, and which expectations hold."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from isofed.simulations.experiments import judged
from isofed.simulations.experiments.judged import Comparison, Judge, Level
from isofed.simulations.experiments.micro_gesture.plans import (
    FEW_HYBRID,
    FEW_LOCAL,
    FEW_POOLED,
    FEW_SUPERVISED,
    HYPERGRAPH,
    PLAIN,
    ROWS,
    Arm,
)

MEASURES = ("clip accuracy", "UAR", "video accuracy", "macro F1")
UNTRAINED = "untrained"
JUDGE = Judge(
    MEASURES,
    (
        Comparison("hybrid is better than supervised alone with few labels", FEW_HYBRID, FEW_SUPERVISED),
        Comparison("hypergraph attention is better than plain attention", HYPERGRAPH, PLAIN),
        Comparison("federated is better than each room alone", FEW_HYBRID, FEW_LOCAL),
    ),
    (Comparison("pooled against federated", FEW_POOLED, FEW_HYBRID),),
)


def gathered(arms: Sequence[Arm], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the numbers of the experiment, see judged.py.

    Args:
        arms: all runs.
        results: by name of a run.
    """
    return judged.gathered(levels(arms, results), JUDGE)


def levels(arms: Sequence[Arm], results: Mapping[str, Mapping[str, Any]]) -> Level:
    """Return every row's measures by seed; of rooms that train alone the mean over them."""
    found: dict[str, dict[int, list[Mapping[str, float]]]] = {name: {} for name in (UNTRAINED, *ROWS)}
    for arm in arms:
        history = results[arm.federation.name]["history"]
        found[arm.row].setdefault(arm.seed, []).append(history[-1]["metrics"]["mean"])
        if arm.row == HYPERGRAPH:
            found[UNTRAINED][arm.seed] = [history[0]["metrics"]["mean"]]
    return {
        row: {
            seed: {name: fmean(each[name] for each in several) for name in MEASURES}
            for seed, several in sorted(seeds.items())
        }
        for row, seeds in found.items()
        if seeds
    }
