"""How comparisons of a finished run fell out, test set by test set, for its report."""

from collections.abc import Mapping, Sequence
from typing import Any

from isofed.simulations.plan import FEDERATED
from isofed.simulations.selection import RANK, reported
from isofed.tasks.task import Measure

AT = "at "  # before a test set's name in a round's metrics
ALONE = "alone/"
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


def _sets(entry: Mapping[str, Any]) -> Metrics:
    found = entry["metrics"] or {}
    return {kind.removeprefix(AT): values for kind, values in found.items() if kind.startswith(AT)}
