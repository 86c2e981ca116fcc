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


def written(found: dict[str, Any]) -> str:
    """Return the lines, the machine and the tables in Markdown."""
    parts = [f"{summed_up(found)}\n\n{listed(LINES, found)}", _machine(found)]
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
