"""Where a value falls on the paper: round tick values and a linear frame."""

import math
from dataclasses import dataclass


def step(span: float, most: int) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that cuts ``span`` into ``most`` parts or fewer."""
    rough = max(span, 1e-12) / most
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))


def ticks(low: float, high: float, most: int = 5) -> tuple[float, ...]:
    """Return round values that begin at or below ``low`` and end at or above ``high``."""
    each = step(high - low or abs(high) or 1.0, most)
    first, last = math.floor(low / each + 1e-9), math.ceil(high / each - 1e-9)
    return tuple(index * each for index in range(first, max(last, first + 1) + 1))


def round_ticks(first: int, last: int, most: int = 8) -> tuple[int, ...]:
    """Return whole round numbers to label, with both ends."""
    each = max(1, round(step(max(last - first, 1), most)))
    inner = [n for n in range(first, last + 1) if n % each == 0 and min(n - first, last - n) >= each / 2]
    return tuple(sorted({first, *inner, last}))


def decimals(marks: tuple[float, ...]) -> int:
    """Return how many decimals tell neighbouring tick values apart."""
    return max(0, -math.floor(math.log10(marks[1] - marks[0]) + 1e-9))


@dataclass(frozen=True)
class Frame:
    """A plotting area in viewBox units: ``x`` from ``left`` to ``right``, ``y`` upwards to ``top``."""

    x0: float
    x1: float
    y0: float
    y1: float
    left: float = 46
    right: float = 466
    top: float = 30
    bottom: float = 232

    def x(self, value: float) -> float:
        """Return where a value falls from left to right."""
        return self.left + (self.right - self.left) * (value - self.x0) / ((self.x1 - self.x0) or 1)

    def y(self, value: float) -> float:
        """Return where a value falls from bottom to top."""
        return self.bottom - (self.bottom - self.top) * (value - self.y0) / ((self.y1 - self.y0) or 1)
