"""Which round of a run is reported: the last one, unless a flag asks for the best on the test set."""

from collections.abc import Mapping, Sequence
from typing import Any

from isofed.tasks.task import Measure

LAST = "last round"
RANK = Measure("R1", "")

Entry = Mapping[str, Any]


def reported(history: Sequence[Entry], on_test: bool, by: Measure = RANK) -> Entry:
    """Return the entry whose numbers are reported.

    Args:
        history: one object a round, round 0 first; ``metrics`` is None where a round was not evaluated.
        on_test: take the evaluated round that is the best by a measure, the first of equals, as the released
            code of L2RW does with R1 under entity independence and sharing. Whoever does so has looked at the
            test set.
        by: that measure.
    """
    # what sites measure on their own samples chooses nothing
    measured = [entry for entry in history if entry["round"] and (entry["metrics"] or {}).get("mean")]
    if not on_test or not measured:
        return history[-1]
    sign = -1 if by.lower else 1
    return max(measured, key=lambda entry: sign * float(entry["metrics"]["mean"].get(by.name, by.lower)))


def described(history: Sequence[Entry], on_test: bool, by: Measure = RANK) -> str:
    """Return, for the report, which round's numbers these are."""
    chosen = reported(history, on_test, by)
    if not on_test:
        return LAST
    return (
        f"round {chosen['round']}, the best by {by.name} on the test set (select_on_test=true); pictures and "
        "fingerprint are the last round's"
    )
