"""How comparisons of a finished run fell out, test set by test set, for its report."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from isofed.simulations.plan import FEDERATED
from isofed.simulations.selection import RANK, reported
from isofed.tasks.task import Measure

AT = "at "  # before a test set's name in a round's metrics
ALONE = "alone/"
SHOWN = 2  # measures of each part
Metrics = Mapping[str, Mapping[str, float]]


def described(
    curves: Mapping[str, Any] | None,
    results: Mapping[str, Any],
    measures: Sequence[Measure],
    on_test: bool,
) -> dict[str, Any] | None:
    """Return what a report shows of scores; None where nothing is compared by a score.

    Args:
        curves: the final model's score histograms and DET curves, by test set.
        results: of the run's federations, by name.
        measures: of the task.
        on_test: whether the best round on the test set is reported.

    Returns:
        ``curves``; ``columns``, each measure's name and whether it is a fraction; ``rows``, by test set, of
        the models ``untrained``, ``alone`` where a site of that name trained alone, and ``federated``.
    """
    if not curves:
        return None
    by = measures[0] if measures else RANK
    last = {name: _sets(reported(result["history"], on_test, by)) for name, result in results.items()}
    before = _sets(results[FEDERATED]["history"][0])
    rows = {
        name: {
            model: dict(sets[name])
            for model, sets in (
                ("untrained", before),
                ("alone", last.get(f"{ALONE}{name}", {})),
                ("federated", last[FEDERATED]),
            )
            if name in sets
        }
        for name in curves
    }
    return {"curves": curves, "columns": [[m.name, m.fraction] for m in measures], "rows": rows}


def parts(results: Mapping[str, Any], measures: Sequence[Measure], on_test: bool) -> dict[str, Any] | None:
    """Return what a report shows of an evaluation's parts, such as single classes; None where it has none.

    Args:
        results: of the run's federations, by name.
        measures: of the task; the first two that are fractions are shown.
        on_test: whether the best round on the test set is reported.

    Returns:
        ``columns``, names of measures; ``rows``, by part, of ``untrained``, ``alone``, which is the mean of
        all who trained alone, and ``federated``.
    """
    by = measures[0] if measures else RANK
    last = {name: _sets(reported(result["history"], on_test, by)) for name, result in results.items()}
    together, before = last[FEDERATED], _sets(results[FEDERATED]["history"][0])
    columns = [measure.name for measure in measures if measure.fraction][:SHOWN]
    alone = [sets for name, sets in last.items() if name.startswith(ALONE)]
    rows = {}
    for part, values in together.items():
        each = [sets[part] for sets in alone if part in sets]
        mean = {name: fmean(one[name] for one in each) for name in columns if each}
        shown = {"untrained": before.get(part, {}), "alone": mean, "federated": values}
        rows[part] = {model: dict(found) for model, found in shown.items() if found}
    return {"columns": columns, "rows": rows} if rows and columns else None


def _sets(entry: Mapping[str, Any]) -> Metrics:
    found = entry["metrics"] or {}
    return {kind.removeprefix(AT): values for kind, values in found.items() if kind.startswith(AT)}
