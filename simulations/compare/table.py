"""The numbers of a comparison: mean and sample standard deviation over seeds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from statistics import fmean, stdev
from typing import Any

from isofed.simulations.compare import own
from isofed.simulations.compare.runs import Left, Run
from isofed.simulations.compare.settings import Setting, group
from isofed.simulations.report.measures import headline_names, measure_names, model_rows
from isofed.simulations.report.words import number, part

LAST_ROUND = "last round"


@dataclass(frozen=True)
class Number:
    """A value over seeds: mean, sample standard deviation (None for one seed), and the values themselves."""

    mean: float
    spread: float | None
    each: tuple[float, ...]

    @classmethod
    def over(cls, values: Iterable[float | None]) -> "Number | None":
        """Return the number of those values that are there; None where there are none."""
        each = tuple(value for value in values if value is not None)
        if not each:
            return None
        return cls(fmean(each), stdev(each) if len(each) > 1 else None, each)


@dataclass(frozen=True)
class Row:
    """One setting and its runs' numbers.

    Args:
        setting: its name and what differs.
        runs: one for each pair of seeds.
        metrics: of the federated model, fractions; what the sites measured of their own included.
        untrained: the same of the model before training.
        seconds: of all rounds, summed.
        sent: bytes that all sites sent over the run.
        received: bytes that all sites received.
    """

    setting: Setting
    runs: tuple[Run, ...]
    metrics: Mapping[str, Number]
    untrained: Mapping[str, Number]
    seconds: Number | None
    sent: Number | None
    received: Number | None

    @property
    def selected(self) -> str | None:
        """How the model was chosen, if it is not simply the last round's."""
        told = {str(part(run.summary, "evaluation").get("model", LAST_ROUND)) for run in self.runs}
        return "; ".join(sorted(told - {LAST_ROUND})) or None


@dataclass(frozen=True)
class Comparison:
    """All settings, the measures that any of them has, and the runs that are left out.

    Of the measures those in ``own`` were taken at the sites.
    """

    rows: tuple[Row, ...]
    measures: tuple[str, ...]
    left: tuple[Left, ...]
    own: tuple[str, ...] = ()

    @property
    def headlines(self) -> tuple[str, ...]:
        """The measures to draw: the best known, and the sites' means where some setting lacks those."""
        usual = headline_names(self.measures)
        if all(name in row.metrics for row in self.rows for name in usual):
            return usual
        return tuple(dict.fromkeys((*usual, *(n for n in self.own if not n.endswith(own.LOWEST)))))


def tabulate(runs: Sequence[Run], left: Sequence[Left] = ()) -> Comparison:
    """Group runs and take means and spreads; a setting's second run of the same seeds is left out."""
    rows, out = [], list(left)
    for setting in group([run.values for run in runs]):
        kept: dict[Any, Run] = {}
        for run in (runs[place] for place in setting.members):
            if kept.setdefault(run.seeds, run) is not run:
                out.append(Left(run.folder, f"the same setting and seeds as {kept[run.seeds].folder}"))
        rows.append(_row(setting, tuple(kept.values())))
    measured = tuple(row for run in runs for row in model_rows(run.summary))
    names = own.names(run.summary for run in runs)
    return Comparison(tuple(rows), (*measure_names(measured), *names), tuple(out), names)


def _row(setting: Setting, runs: tuple[Run, ...]) -> Row:
    moved = [[part(site) for site in part(run.summary, "bytes").values()] for run in runs]
    return Row(
        setting,
        runs,
        _metrics(runs, "together"),
        _metrics(runs, "before"),
        Number.over(_sum(part(run.summary, "seconds").get("rounds") or ()) for run in runs),
        Number.over(_sum(site.get("up") for site in sites) for sites in moved),
        Number.over(_sum(site.get("down") for site in sites) for sites in moved),
    )


def _metrics(runs: Sequence[Run], kind: str) -> dict[str, Number]:
    measured = [_measured(run, kind) for run in runs]
    names = dict.fromkeys(name for values in measured for name in values)
    found = {name: Number.over(values.get(name) for values in measured) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _measured(run: Run, kind: str) -> dict[str, float]:
    """Return the benchmark's and the sites' measures of the model before training, or of the last one."""
    values = next((row.values for row in model_rows(run.summary) if row.kind == kind), {})
    return {**values, **own.at_sites(run.summary, "untrained" if kind == "before" else "federated")}


def _sum(values: Iterable[object]) -> float | None:
    found = [value for value in map(number, values) if value is not None]
    return fsum(found) if found else None


def curve(runs: Sequence[Run], *path: str) -> list[tuple[int, Number]]:
    """Return (round, number over seeds) of what stands at ``path`` in a round's entry.

    A round counts if every run has a finite number there: a mean over fewer seeds would jump.
    """
    each = [
        {int(e["round"]): value for e in run.history if (value := _at(e, path)) is not None} for run in runs
    ]
    rounds = sorted(set(each[0]).intersection(*each[1:])) if each else []
    told = ((n, Number.over(values[n] for values in each)) for n in rounds)
    return [(n, value) for n, value in told if value is not None]


def _at(entry: Mapping[str, Any], path: Sequence[str]) -> float | None:
    """Return the number at ``path``, or the mean of a mapping of numbers that stands there."""
    found = part(entry, *path[:-1]).get(path[-1])
    if not isinstance(found, Mapping):
        return number(found)
    values = [number(value) for value in found.values()]
    return fmean(v for v in values if v is not None) if values and None not in values else None


def paired(row: Row, base: Row, measure: str) -> Number | None:
    """Return the difference to another setting over the seeds that both have."""
    here, there = _by_seeds(row, measure), _by_seeds(base, measure)
    return Number.over(here[seeds] - there[seeds] for seeds in here if seeds in there)


def _by_seeds(row: Row, measure: str) -> dict[Any, float]:
    found = {run.seeds: _measured(run, "together").get(measure) for run in row.runs}
    return {seeds: value for seeds, value in found.items() if value is not None}
