"""Numbers with their spread, taken from what :func:`laps.measure` found."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A number, with the least and the most where there are several, and what it is of."""

    value: float
    least: float
    most: float
    of: str = ""

    def written(self, form: str = ".2f") -> str:
        """Write the median, and the spread where there is one."""
        spread = f" ({self.least:{form}} to {self.most:{form}})"
        return f"{self.value:{form}}{spread if self.most > self.least else ''}"


def spread(values: Sequence[float], of: str = "") -> Figure:
    """Return the median, the least and the most."""
    return Figure(statistics.median(values), min(values), max(values), of)


def ratio(engines: dict[str, Any], ours: str, theirs: str, kind: str = "wall") -> Figure | None:
    """Return one engine's seconds over another's in the same lap; None if there are none."""
    if ours not in engines or theirs not in engines:
        return None
    pairs = list(zip(engines[ours][kind], engines[theirs][kind], strict=True))
    if not pairs or not all(below for _, below in pairs):
        return None
    return spread([above / below for above, below in pairs], f"{ours} / {theirs}")


def quickest(engines: dict[str, Any], names: Sequence[str]) -> str:
    """Return which of the engines has the least median time, or an empty name if none was measured."""
    there = [name for name in names if engines.get(name, {}).get("wall")]
    return min(there, key=lambda name: statistics.median(engines[name]["wall"]), default="")


def best(engines: dict[str, Any], ours: Sequence[str], theirs: str) -> Figure | None:
    """Return the least of several engines' ratios."""
    found = [each for name in ours if (each := ratio(engines, name, theirs)) is not None]
    return min(found, key=lambda figure: figure.value, default=None)
