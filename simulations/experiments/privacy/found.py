"""What the runs gave: every row over seeds, a column for each task, and which expectations hold."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from isofed.simulations.experiments import judged
from isofed.simulations.experiments.interval import Interval
from isofed.simulations.experiments.judged import Comparison, Judge, Level, gain, plain
from isofed.simulations.experiments.privacy.plans import OPEN, UNTRAINED, Arm


def numbers(arms: Sequence[Arm], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the numbers of the experiment, see judged.py; ``measures`` has a name for each task's.

    Args:
        arms: all runs, of each task and seed from the least private to the most.
        results: by name of a run.
    """
    level = levels(arms, results)
    measures = tuple(dict.fromkeys(arm.case.column for arm in arms))
    rows = [name for name in level if name != UNTRAINED]
    costs = tuple(Comparison(f"what {name} costs", OPEN, name) for name in rows[1:])
    last = Comparison(f"what {rows[1]} still learns", rows[1], UNTRAINED)
    return {
        **judged.gathered(level, Judge(measures, (), (*costs, last))),
        "measures": list(measures),
        "verdicts": [each for name in measures for each in verdicts(level, rows, name)],
    }


def levels(arms: Sequence[Arm], results: Mapping[str, Mapping[str, Any]]) -> Level:
    """Return every row's measures by seed; untrained is the model that every run of a seed begins with."""
    found: dict[str, dict[int, dict[str, float]]] = {UNTRAINED: {}}
    for arm in arms:
        history = results[arm.federation.name]["history"]
        for name, entry in ((arm.row, history[-1]), (UNTRAINED, history[0])):
            seeds = found.setdefault(name, {}).setdefault(arm.seed, {})
            seeds.setdefault(arm.case.column, float(entry["metrics"]["mean"][arm.case.measure]))
    return found


def verdicts(level: Level, rows: Sequence[str], measure: str) -> Iterator[dict[str, Any]]:
    """Yield one task's expectations: privacy costs, and more of it never gains beyond the interval.

    Args:
        level: of all rows.
        rows: from the least private to the most.
        measure: the task's.
    """
    cost = Comparison(f"no privacy is better than {rows[-1]}", rows[0], rows[-1])
    yield from judged.verdicts(level, Judge((measure,), (cost,)))
    for less, more in pairwise(rows):
        found = gain(level, Comparison("", less, more), measure)
        holds = not _rises(found)
        claim = f"{less} is not worse than {more}, beyond the interval, in {measure}"
        yield {"claim": claim, "holds": holds, "shown": holds, "gain": plain(found)}


def _rises(found: Interval) -> bool:
    """Whether a difference lies below 0 with its whole interval, or, without one, at all."""
    return found.mean + (found.half or 0.0) < 0
