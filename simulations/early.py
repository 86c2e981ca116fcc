"""A run that ends before its last round for good: what is left of it is told, and that it ended."""

from collections.abc import Mapping
from typing import Any

from isofed.errors import BudgetError
from isofed.simulations.folder import REPORT

ENDED = "ended"


def described(result: Mapping[str, Any], planned: int) -> dict[str, Any]:
    """Return what the summary says: how many rounds there are, and why no more.

    Args:
        result: of the federation.
        planned: rounds that it was to have.
    """
    why = result.get(ENDED)
    if not why:
        return {"rounds": planned, ENDED: None}
    return {"rounds": result["history"][-1]["round"], ENDED: {"planned": planned, "why": why}}


def said(summary: Mapping[str, Any]) -> str | None:
    """Return it in one sentence, or None of a run that came to its end."""
    found = summary.get(ENDED)
    if not found:
        return None
    return f"it ended after {summary['rounds']} of {found['planned']} rounds: {found['why']}"


def refuse(summary: Mapping[str, Any], folder: Any) -> None:
    """Raise BudgetError if a run ended early, now that what it came to is written down."""
    sentence = said(summary)
    if sentence:
        raise BudgetError(f"{sentence}; what they came to is in {folder / REPORT}")
