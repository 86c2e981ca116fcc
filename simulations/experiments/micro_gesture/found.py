"""What the runs gave: every row over seeds, the differences, and which expectations hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from isofed.simulations.experiments.interval import FORMULA, Interval, interval, paired
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
JUDGED = "clip accuracy"
UNTRAINED = "untrained"
# (what is expected, the better, the base)
EXPECTED = (
    ("hybrid is better than supervised alone with few labels", FEW_HYBRID, FEW_SUPERVISED),
    ("hypergraph attention is better than plain attention", HYPERGRAPH, PLAIN),
    ("federated is better than each room alone", FEW_HYBRID, FEW_LOCAL),
)
COMPARED = (*EXPECTED, ("pooled against federated", FEW_POOLED, FEW_HYBRID))
Level = Mapping[str, Mapping[int, Mapping[str, float]]]  # by row, by seed, by measure


def gathered(arms: Sequence[Arm], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the numbers of the experiment, as plain values: fractions, each with its interval over seeds.

    Args:
        arms: all runs.
        results: by name of a run.
    """
    level = levels(arms, results)
    return {
        "formula": FORMULA,
        "seeds": sorted({arm.seed for arm in arms}),
        "rows": [{"name": name, **_measured(seeds)} for name, seeds in level.items()],
        "differences": [_difference(level, what, a, b) for what, a, b in COMPARED],
        "verdicts": list(verdicts(level)),
    }


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


def _measured(seeds: Mapping[int, Mapping[str, float]]) -> dict[str, Any]:
    return {name: plain(interval(values[name] for values in seeds.values())) for name in MEASURES}


def gain(level: Level, better: str, base: str, measure: str) -> Interval:
    """Return the interval of a difference of two rows, seed by seed."""
    return paired(*([values[measure] for values in level[row].values()] for row in (better, base)))


def _difference(level: Level, what: str, better: str, base: str) -> dict[str, Any]:
    return {
        "what": what,
        "better": better,
        "base": base,
        **{name: plain(gain(level, better, base, name)) for name in MEASURES},
    }


def verdicts(level: Level) -> Iterator[dict[str, Any]]:
    """Yield the expectations, each with ``holds``, and ``shown`` where the whole interval lies above 0."""
    for claim, better, base in EXPECTED:
        found = gain(level, better, base, JUDGED)
        yield {
            "claim": f"{claim}, in {JUDGED}",
            "holds": found.mean > 0,
            "shown": found.low > 0,
            "gain": plain(found),
        }


def plain(value: Interval) -> dict[str, Any]:
    """Return an interval as JSON has it."""
    return {**asdict(value), "each": list(value.each)}
