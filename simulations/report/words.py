"""Numbers and names as a reader wants them, and careful look-ups in a summary."""

import math
import re
from collections.abc import Mapping
from typing import Any

MISSING = "–"
TASKS = {
    "reid": "person re-identification",
    "vein": "finger vein recognition",
    "action_units": "facial action unit",
    "micro_gesture": "micro-gesture",
}
SAMPLE = re.compile(r"(?<![\w.='])(?:image|picture)(s?)(?![\w'])")
UNITS = {"camera": "camera", "camera_strict": "camera", "entity": "entity"}


def part(source: object, *path: str) -> Mapping[str, Any]:
    """Return the mapping at ``path``, or an empty one where anything on the way is missing."""
    for key in path:
        source = source.get(key) if isinstance(source, Mapping) else None
    return source if isinstance(source, Mapping) else {}


def number(value: object) -> float | None:
    """Return a finite number, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def percent(value: object, digits: int = 1) -> str:
    """Return a fraction in per cent without the sign: 0.4321 gives ``43.2``."""
    found = number(value)
    return MISSING if found is None else f"{100 * found:.{digits}f}"


def percent_pm(value: object, spread: object = None) -> str:
    """Return a fraction in per cent, with its spread where there is one: ``43.2 ± 0.8``."""
    return percent(value) + ("" if number(spread) is None else f" ± {percent(spread)}")


def points(difference: float) -> str:
    """Return a difference of two fractions in percentage points, with its sign: ``+12.2``."""
    shown = f"{100 * difference:+.1f}".replace("-", "−")
    return "0.0" if shown in ("+0.0", "−0.0") else shown


def size(value: object) -> str:
    """Return a number of bytes in the decimal unit that fits: ``9.8 MB``."""
    found = number(value)
    if found is None:
        return MISSING
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if found >= 0.9995 * scale:
            return f"{found / scale:.1f} {unit}"
    return f"{found:.0f} B"


def duration(value: object) -> str:
    """Return seconds for reading: ``350 ms``, ``1.9 s``, ``2 min 05 s``, ``1 h 02 min``."""
    found = number(value)
    if found is None:
        return MISSING
    if found < 0.9995:
        return f"{1000 * found:.0f} ms"
    if found < 99.95:
        return f"{found:.1f} s"
    whole = round(found)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def integer(value: object) -> str:
    """Return a count with thin groups of three: ``22 258``."""
    found = number(value)
    return MISSING if found is None else f"{round(found):,}".replace(",", "\u202f")


def text(value: object) -> str:
    """Return a text, or the sign for a missing one."""
    return MISSING if value is None or value == "" else str(value)


def several(count: int, word: str) -> str:
    """Return a count with its noun: ``1 round``, ``6 cameras``, ``2 entities``."""
    return f"{count} {word if count == 1 else plural(word)}"


def plural(word: str) -> str:
    """Return a noun for several: ``cameras``, ``entities``."""
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def of_samples(told: str, sample: str) -> str:
    """Return a sentence about images as one about a task's own samples; names of options stay as they are."""
    return told if sample == "image" else SAMPLE.sub(rf"{sample}\1", told)


def unit(summary: Mapping[str, Any]) -> str:
    """Return what one site is at this privacy level: a camera, an entity, or just a site."""
    return UNITS.get(str(summary.get("protocol")), "site")


def task(summary: Mapping[str, Any]) -> str:
    """Return the task in words."""
    name = str(summary.get("task", ""))
    return TASKS.get(name, name.replace("_", " "))
