"""Rows of an experiment over seeds, their differences, and which expectations hold."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from isofed.simulations.experiments.interval import FORMULA, Interval, interval, paired

Level = Mapping[str, Mapping[int, Mapping[str, float]]]  # by row, by seed, by measure


@dataclass(frozen=True)
class Comparison:
    """A pair of rows: what is compared, the better one if it is as expected, and the base."""

    what: str
    better: str
    base: str


@dataclass(frozen=True)
class Judge:
    """By what an experiment is judged.

    Attributes:
        measures: what is shown of every row, fractions, a greater one the better; the first one decides.
        expected: each is said to hold or to fail.
        further: pairs whose difference is shown without an expectation.
    """

    measures: tuple[str, ...]
    expected: tuple[Comparison, ...]
    further: tuple[Comparison, ...] = ()


def gathered(level: Level, judge: Judge) -> dict[str, Any]:
    """Return the numbers of an experiment, as plain values: fractions, each with its interval over seeds."""
    return {
        "formula": FORMULA,
        "seeds": sorted({seed for seeds in level.values() for seed in seeds}),
        "rows": [{"name": row, **measured(seeds, judge.measures)} for row, seeds in level.items()],
        "differences": [
            _difference(level, each, judge.measures) for each in (*judge.expected, *judge.further)
        ],
        "verdicts": list(verdicts(level, judge)),
    }


def measured(seeds: Mapping[int, Mapping[str, float]], names: tuple[str, ...]) -> dict[str, Any]:
    """Return each measure's interval over seeds."""
    return {name: plain(interval(values[name] for values in seeds.values())) for name in names}


def gain(level: Level, pair: Comparison, measure: str) -> Interval:
    """Return the interval of a difference of two rows, over the seeds that both have."""
    better, base = level[pair.better], level[pair.base]
    both = [seed for seed in better if seed in base]
    return paired((better[s][measure] for s in both), (base[s][measure] for s in both))


def _difference(level: Level, pair: Comparison, measures: tuple[str, ...]) -> dict[str, Any]:
    return {**asdict(pair), **{name: plain(gain(level, pair, name)) for name in measures}}


def verdicts(level: Level, judge: Judge) -> Iterator[dict[str, Any]]:
    """Yield the expectations, each with ``holds``, and ``shown`` where the whole interval lies above 0."""
    for pair in judge.expected:
        found = gain(level, pair, judge.measures[0])
        yield {
            "claim": f"{pair.what}, in {judge.measures[0]}",
            "holds": found.mean > 0,
            "shown": found.low > 0,
            "gain": plain(found),
        }


def plain(value: Interval) -> dict[str, Any]:
    """Return an interval as JSON has it."""
    return {**asdict(value), "each": list(value.each)}
