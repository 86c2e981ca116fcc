"""What all makers of a drawn data set do alike."""

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np

from isofed.errors import ConfigError

LARGEST = 1024  # height and width of a drawn image, pixels
# Added to a person's number for the drawing: entities hold different people, so nobody who is drawn for
# one layout may be drawn for another from the same seed.
FIRST = {"sysu": 0, "regdb": 10_000, "llcm": 20_000, "hitsz_vcm": 30_000, "buptcampus": 40_000}

Drawn = TypeVar("Drawn", bound=Sized)
Progress = Callable[[int, int], None]
Spread = Callable[..., Iterable[Any]]  # like the built-in map


def refuse_outside(options: object, **ranges: tuple[float, float]) -> None:
    """Raise ConfigError unless each named field of ``options`` lies in its range, bounds included."""
    for name, (least, most) in ranges.items():
        value = getattr(options, name)
        if not least <= value <= most:
            raise ConfigError(f"{name} is {value}; expected {least} to {most}: choose a value in between")


def told(drawn: Iterable[Drawn], total: int, progress: Progress | None) -> Iterator[Drawn]:
    """Pass drawn things on and tell ``progress`` the images so far; ``len`` of a thing is its images."""
    done = 0
    for each in drawn:
        yield each
        done += len(each)
        if progress is not None:
            progress(done, total)


def mark(layout: str, seed: int, options: Any, expected: dict[str, object]) -> dict[str, object]:
    """Say what was drawn, and the counts a whole copy has: what ``synthetic.json`` shall hold."""
    return {
        "made_by": "isofed",
        "layout": layout,
        "seed": seed,
        "options": asdict(options),
        "expected": expected,
    }


def ascending(numbers: np.ndarray) -> tuple[int, ...]:
    """Return numbers as plain integers, smallest first."""
    return tuple(sorted(numbers.tolist()))
