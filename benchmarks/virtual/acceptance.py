"""What was asked of the engine, line by line, and whether a measurement shows it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from figures import Figure, best, quickest, ratio
from tables import rows

HOLDS, FAILS, UNKNOWN = "holds", "**does not hold**", "not measured"
GIGABYTE = 1e9
COLUMNS = ("", "what", "asked", "aim", "measured", "", "over the faster bare loop", "two bare loops")
LOOPS = ("bare", "bare1")  # two threads, one thread
Look = Callable[[dict[str, Any]], Figure | None]


@dataclass(frozen=True)
class Line:
    """One line of the acceptance.

    Args:
        part: of the measurement that it is read from.
        words: what is bounded.
        look: from the part to the number, or None if it was not measured.
        bound: the number may not be above it.
        turned: the number may not be below it instead.
        open: nor may it be the bound itself.
        aim: what was hoped for, if anything.
        form: of the number as written.
        over: the same over the faster of the bare loops with two threads and with one; not asked for.
        needs: engines that may not be installed.
        floor: what two bare loops in two processes reach, where that is the machine's limit.
    """

    part: str
    words: str
    look: Look
    bound: float
    turned: bool = False
    open: bool = False
    aim: str = ""
    form: str = ".2f"
    needs: tuple[str, ...] = ()
    over: Look | None = None
    floor: Look | None = None

    def verdict(self, found: dict[str, Any]) -> str:
        """Say whether it holds."""
        figure = self._figure(found)
        if figure is None:
            return self._why(found.get(self.part))
        far = figure.value - self.bound if not self.turned else self.bound - figure.value
        return FAILS if far > 0 or (self.open and far == 0) else HOLDS

    def cells(self, found: dict[str, Any]) -> list[str]:
        """Return the line as a row of the table."""
        figure = self._figure(found)
        sign = ("over" if self.open else "at least") if self.turned else ("below" if self.open else "at most")
        return [
            self.part,
            self.words,
            f"{sign} {self.bound:g}",
            self.aim,
            "" if figure is None else f"{figure.written(self.form)} `{figure.of}`".replace(" ``", ""),
            self.verdict(found),
            *(self._beside(look, found) for look in (self.over, self.floor)),
        ]

    def _beside(self, look: Look | None, found: dict[str, Any]) -> str:
        figure = look(found[self.part]) if look and self.part in found else None
        return figure.written(self.form) if figure else ""

    def _figure(self, found: dict[str, Any]) -> Figure | None:
        return self.look(found[self.part]) if self.part in found else None

    def _why(self, part: dict[str, Any] | None) -> str:
        skipped = (part or {}).get("skipped", {})
        reasons = [skipped[name] for name in self.needs if name in skipped]
        return f"{UNKNOWN} ({'; '.join(reasons)})" if reasons else UNKNOWN


def faster(ours: Sequence[str], theirs: str) -> Look:
    """Look at the least ratio of several engines' times to another's."""
    return lambda part: best(part["engines"], ours, theirs)


def over_faster(ours: Sequence[str]) -> Look:
    """Look at the least ratio of several engines' times to the faster of the bare loops, if both were run."""

    def look(part: dict[str, Any]) -> Figure | None:
        there = all(name in part["engines"] for name in LOOPS)
        return best(part["engines"], ours, quickest(part["engines"], LOOPS)) if there else None

    return look


def slower(theirs: str, ours: Sequence[str]) -> Look:
    """Look at how many times another engine's time is that of the fastest of ours."""

    def look(part: dict[str, Any]) -> Figure | None:
        found = [ratio(part["engines"], theirs, name) for name in ours]
        return max((each for each in found if each), key=lambda figure: figure.value, default=None)

    return look


def lighter(ours: str, theirs: str, kind: str) -> Look:
    """Look at an engine's peak memory over another's."""

    def look(part: dict[str, Any]) -> Figure | None:
        found = [part["engines"].get(name, {}).get(kind) for name in (ours, theirs)]
        if None in found:
            return None
        return Figure(*[found[0] / found[1]] * 3, f"{ours} / {theirs}")

    return look


def weight(ours: Sequence[str], theirs: str, kind: str) -> Look:
    """Look at the gigabytes of the fastest of several engines."""

    def look(part: dict[str, Any]) -> Figure | None:
        fastest = best(part["engines"], ours, theirs)
        name = fastest.of.partition(" ")[0] if fastest else ""
        held = part["engines"].get(name, {}).get(kind)
        return None if held is None else Figure(*[held / GIGABYTE] * 3, name)

    return look


def far(ours: str, theirs: str) -> Look:
    """Look at an engine's distance from a bare loop, 0 only if all bits are the same."""

    def look(part: dict[str, Any]) -> Figure | None:
        weights = part["engines"].get(ours, {}).get("weights")
        if weights is None or weights["of"] != theirs:
            return None
        most = 0.0 if weights["same_bits"] else max(weights["most"], 5e-324)
        return Figure(most, most, most, f"{ours} - {theirs}")

    return look


def told(*keys: str) -> Look:
    """Look at a number, or at a median with its least and most, that the part has itself."""

    def look(part: dict[str, Any]) -> Figure | None:
        for key in keys:
            part = part.get(key, {})
        if isinstance(part, dict):
            return Figure(part["median"], part["least"], part["most"]) if part else None
        return Figure(*[float(part)] * 3)

    return look


def listed(lines: Sequence[Line], found: dict[str, Any]) -> str:
    """Return the lines as a table in Markdown."""
    return rows(COLUMNS, [line.cells(found) for line in lines])
