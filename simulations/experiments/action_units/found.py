"""What the runs gave: every row over seeds, its folds and units, and which expectations hold."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
from isofed.tasks.task import Statistics

MEASURES = tuple(measure.name for measure in TASK.measures)
BASELINES = tuple(TASK.baselines)
NEVER = BASELINES[0]
SIDE_BY_SIDE = (LOCAL, FEDERATED, POOLED)
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
    level = {row: {seed: _mean(_of(told, row, seed)) for seed in seeds} for row in (*BASELINES, *ROWS)}
    return {
        **gathered(level, JUDGE),
        "folds": {
            key: _over(seeds, lambda row, seed, key=key: _mean(_of(told, row, seed, key)))
            for key in KEYS
            if key in {arm.fold for arm in arms}
        },
        "units": {
            f"AU{unit}": _over(
                seeds, lambda row, seed, unit=unit: merged(_of(told, row, seed))[f"at AU{unit}"]
            )
            for unit in UNITS
        },
    }


def _of(told: Iterable[tuple[Arm, Counts]], row: str, seed: int, fold: str = "") -> list[Statistics]:
    """Return the counts of a row and a seed; those of a baseline stand beside the federated ones."""
    run, kind = (FEDERATED, row) if row in BASELINES else (row, MODEL)
    mine = ((arm, each) for arm, each in told if (arm.row, arm.seed) == (run, seed))
    return [each[kind] for arm, each in mine if arm.fold == (fold or arm.fold)]


def _mean(counts: Sequence[Statistics]) -> Mapping[str, float]:
    return merged(counts)["mean"]


def _over(seeds: Sequence[int], value: Callable[[str, int], Mapping[str, float]]) -> dict[str, Any]:
    """Return by row and measure, the first two, what a part of the evaluation comes to over seeds."""
    found = {row: {seed: value(row, seed) for seed in seeds} for row in SIDE_BY_SIDE}
    return {row: measured(each, MEASURES[:2]) for row, each in found.items()}
