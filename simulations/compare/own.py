"""What the sites of a run measured on samples of their own, as measures of a comparison."""

from collections.abc import Iterable, Mapping
from typing import Any

from isofed.events import OWN
from isofed.simulations.report.measures import numbers
from isofed.simulations.report.words import part

LOWEST = ", lowest site"


def at_sites(summary: Mapping[str, Any], model: str = "federated") -> dict[str, float]:
    """Return the means over sites by measure, and then the lowest; nothing where nothing was held out."""
    found = part(summary, "metrics", OWN, model)
    lowest = numbers(part(found, "lowest"))
    return numbers(part(found, "mean")) | {f"{name}{LOWEST}": value for name, value in lowest.items()}


def names(summaries: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the measures of the sites that any run has, the means first."""
    found = dict.fromkeys(name for summary in summaries for name in at_sites(summary))
    return tuple(sorted(found, key=lambda name: name.endswith(LOWEST)))


def place(name: str, own: tuple[str, ...]) -> tuple[str, ...]:
    """Return where in a round's entry a measure stands."""
    if name not in own:
        return ("metrics", "mean", name)
    kind = "lowest" if name.endswith(LOWEST) else "mean"
    return ("metrics", OWN, kind, name.removesuffix(LOWEST))


def words(summaries: Iterable[Mapping[str, Any]]) -> str:
    """Return what it is that the sites measured, in one sentence; empty where none did."""
    told = {str(said) for summary in summaries if (said := part(summary, "evaluation").get(OWN))}
    listed = "; ".join(sorted(told))
    return f"At the sites, on samples that they held out, mean over sites: {listed}." if told else ""
