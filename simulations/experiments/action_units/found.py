"""What the runs gave: every row over seeds, its folds and units, and which expectations hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from isofed.simulations.experiments.action_units.counts import MODEL, Counts, merged
from isofed.simulations.experiments.action_units.plans import (
    FEDERATED,
    LOCAL,
    POOLED,
    ROWS,
    UNINFUSED,
    UNMAGNIFIED,
    Arm,
)
from isofed.simulations.experiments.judged import Comparison, Judge, gathered, measured
from isofed.tasks.action_units import TASK
from isofed.tasks.action_units.labels import KEYS
from isofed.tasks.action_units.model import UNITS

MEASURES = tuple(measure.name for measure in TASK.measures)
BASELINES = tuple(TASK.baselines)
NEVER = BASELINES[0]
SIDE_BY_SIDE = (LOCAL, FEDERATED, POOLED)
Told = Sequence[tuple[Arm, Counts]]
Measures = Mapping[str, Mapping[str, float]]
JUDGE = Judge(
    MEASURES,
    (
        Comparison("federated is better than each database alone", FEDERATED, LOCAL),
        Comparison("infusion is better than none", FEDERATED, UNINFUSED),
        Comparison("magnified motion is better than none", FEDERATED, UNMAGNIFIED),
        Comparison("federated is better than finding nothing", FEDERATED, NEVER),
    ),
    (Comparison("pooled against federated", POOLED, FEDERATED),),
)


def numbers(arms: Sequence[Arm], counts: Sequence[Counts]) -> dict[str, Any]:
    """Return the numbers of the experiment, as plain values: fractions, each with its interval over seeds.

    Every measure is of counts merged over what it speaks of: six folds, one fold, or one unit of six folds.
    Of databases that train alone, every clip is answered by each of the five that could.

    Args:
        arms: all runs.
        counts: of each.
    """
    seeds = sorted({arm.seed for arm in arms})
    told = list(zip(arms, counts, strict=True))
    level = {row: {seed: _all(told, row, seed)["mean"] for seed in seeds} for row in (*BASELINES, *ROWS)}
    folds = [key for key in KEYS if key in {arm.fold for arm in arms}]
    units = [f"AU{unit}" for unit in UNITS]
    whole = {row: {seed: _all(told, row, seed) for seed in seeds} for row in SIDE_BY_SIDE}
    return {
        **gathered(level, JUDGE),
        "folds": {key: {row: _fold(told, row, seeds, key) for row in SIDE_BY_SIDE} for key in folds},
        "units": {name: {row: _part(whole[row], f"at {name}") for row in SIDE_BY_SIDE} for name in units},
    }


def _all(told: Told, row: str, seed: int, fold: str = "") -> Measures:
    """Return the measures of a row and a seed; the counts of a baseline stand beside the federated ones."""
    run, kind = (FEDERATED, row) if row in BASELINES else (row, MODEL)
    mine = ((arm, each) for arm, each in told if (arm.row, arm.seed) == (run, seed))
    return merged(each[kind] for arm, each in mine if arm.fold == (fold or arm.fold))


def _fold(told: Told, row: str, seeds: Sequence[int], fold: str) -> dict[str, Any]:
    return _part({seed: _all(told, row, seed, fold) for seed in seeds}, "mean")


def _part(seeds: Mapping[int, Measures], part: str) -> dict[str, Any]:
    """Return the first two measures of a part of the evaluation, over seeds."""
    return measured({seed: found[part] for seed, found in seeds.items()}, MEASURES[:2])
