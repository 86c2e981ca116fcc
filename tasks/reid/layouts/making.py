"""What all makers of a drawn data set do alike."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import asdict, dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class Drawing:
    """What a layout says about its drawing.

    Args:
        parts: what is drawn, each by itself, in the order of writing.
        draw: a part to what is written of it; ``len`` of that is its images.
        images: of all parts together.
        write: (root to be, what was drawn) writes the tree.
    """

    parts: Sequence[Any]
    draw: Callable[[Any], Sized]
    images: int
    write: Callable[[Path, Iterable[Any]], None]


def generator(defaults: Callable[[], Any], drawing: Callable[[int, Any], Drawing]) -> Callable[..., None]:
    """Return a layout's ``generate``: the same for all, given what each draws.

    Args:
        defaults: the options where none are given.
        drawing: (seed, options) to what is drawn.
    """

    def generate(
        out: Path,
        seed: int,
        options: Any = None,
        spread: Spread = map,
        progress: Progress | None = None,
    ) -> None:
        """Draw a data set and write it to ``out``.

        Args:
            out: the folder to make.
            seed: any integer; the same seed gives the same bytes.
            options: how much to draw.
            spread: like the built-in ``map``; one that uses several processes gives the same bytes.
            progress: called with the images written and their total.

        Raises:
            DataError: ``out`` holds something that was not made by isofed.
        """
        made = drawing(seed, options or defaults())
        made.write(Path(out), told(spread(made.draw, made.parts), made.images, progress))

    return generate


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
