"""The whole measurement as text, and its place in a page."""

from pathlib import Path
from typing import Any

from acceptance import FAILS, HOLDS, listed
from asked import LINES, PARTS
from machine import busy, words
from tables import rows, table

BEGIN, END = (
    "<!-- measured: begin (benchmarks/virtual/all.py writes what follows) -->",
    "<!-- measured: end -->",
)
QUIET, EVEN = 0.2, 1.5  # cores; the slowest lap over the fastest


def written(found: dict[str, Any]) -> str:
    """Return the lines, the machine and the tables in Markdown."""
    said = " ".join(each for each in (summed_up(found), _shaken(found)) if each)
    parts = [f"{said}\n\n{listed(LINES, found)}", _machine(found)]
    parts += [f"`{name}`:\n\n{_table(name, found[name])}" for name in PARTS if name in found]
    return "\n\n".join(parts)


def summed_up(found: dict[str, Any]) -> str:
    """Count the lines that hold."""
    verdicts = [line.verdict(found) for line in LINES]
    held, failed = verdicts.count(HOLDS), verdicts.count(FAILS)
    return f"{held} lines hold, {failed} do not, {len(verdicts) - held - failed} were not measured."


def _machine(found: dict[str, Any]) -> str:
    seen = next(iter(found.values()))["before"]
    lines = [[name, part["before"]["when"], *_states(part)] for name, part in found.items()]
    said = [f"Machine: {words(seen)}."]
    if "threads" in found.get("machine", {}):
        two = [f"{found['machine'][name]['median']:.2f} by two {name}" for name in ("threads", "processes")]
        said.append(f"A bare loop of one thread (`cnn`, ten users) is sped up {' and '.join(two)}.")
    said.append("What else it did in the seconds before and after each part:")
    return " ".join(said) + "\n\n" + rows(("part", "when", "before", "after"), lines)


def _shaken(found: dict[str, Any]) -> str:
    """Say which parts a busy machine spoilt."""
    names = [name for name, part in found.items() if _others(part) > QUIET or _uneven(name, part) > EVEN]
    if not names:
        return ""
    spoilt = ", ".join(f"`{name}`" for name in names)
    return (
        f"**Not quiet: {spoilt}.** Others took more than {QUIET} cores before, while or after it ran, "
        f"or the slowest lap of what it divides by took more than {EVEN} times its fastest. Two threads that "
        "wait for each other lose most by that, so whether its lines hold is not settled."
    )


def _others(part: dict[str, Any]) -> float:
    """Return the cores that others took, before, after or on the mean of all turns."""
    engines = part.get("engines", {}).values()
    spent, seconds = (sum(sum(own[kind]) for own in engines) for kind in ("others", "wall"))
    around = [part[when][kind] for when in ("before", "after") for kind in ("others", "stolen")]
    return max(*around, spent / seconds if seconds else 0.0)


def _uneven(name: str, part: dict[str, Any]) -> float:
    base = PARTS[name].base if name in PARTS else "bare"
    seconds = part.get("engines", {}).get(base, {}).get("wall")
    return max(seconds) / min(seconds) if seconds else 1.0


def _states(part: dict[str, Any]) -> list[str]:
    return [busy(part[when]) for when in ("before", "after")]


def _table(name: str, part: dict[str, Any]) -> str:
    left = [f"`{engine}` was left out: {why}." for engine, why in part["skipped"].items()]
    laps = len(next(iter(part["engines"].values()))["wall"])
    told = " ".join([f"{part['cohort']} users a round, {laps} laps.", *left])
    return f"{table(part, PARTS[name].base)}\n\n{told}"


def put(path: Path, text: str) -> None:
    """Write ``text`` between the page's two marks.

    Raises:
        SystemExit: it has not both.
    """
    page = path.read_text()
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise SystemExit(f"{path} has not each once: {BEGIN} and {END}")
    head, _, rest = page.partition(BEGIN)
    path.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}")
