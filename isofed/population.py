"""Sites so many that nobody lists them: a name is a function of its place."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

from isofed.config import within


@dataclass(frozen=True)
class Numbered(Sequence[str]):
    """The names ``client000`` to ``client999``, made when they are asked for; zeros before a number make the
    order of the names that of the places.

    Args:
        count: how many, 1 to 10**12.
        prefix: before the number; letters, digits, ``_`` and ``-``.

    Raises:
        ConfigError: a count out of range.

    Example:
        >>> sites = Numbered(1_000_000)
        >>> sites[7], sites.index("client000007"), "client1000000" in sites
        ('client000007', 7, False)
    """

    count: int  # type: ignore[assignment]  # Sequence has a method of this name, which nobody needs of names
    prefix: str = "client"

    def __post_init__(self) -> None:
        within("count", self.count, 1, 1e12)

    @cached_property
    def width(self) -> int:
        """Digits of a number."""
        return len(str(self.count - 1))

    def __len__(self) -> int:
        return self.count

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...
    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        found = range(self.count)[place]
        if isinstance(found, range):
            return tuple(self._name(number) for number in found)
        return self._name(found)

    def __contains__(self, name: object) -> bool:
        return self._number(name) is not None

    def index(self, name: Any, start: int = 0, stop: int = sys.maxsize) -> int:
        """Return the place of a name, without looking at any other.

        Raises:
            ValueError: there is no such name there.
        """
        number = self._number(name)
        if number is None or number not in range(self.count)[start:stop]:
            raise ValueError(f"{name!r} is none of {self[0]} to {self[-1]}")
        return number

    def _name(self, number: int) -> str:
        return f"{self.prefix}{number:0{self.width}}"

    def _number(self, name: object) -> int | None:
        digits = name.removeprefix(self.prefix) if isinstance(name, str) else ""
        if len(digits) != self.width or not (digits.isascii() and digits.isdigit()):
            return None
        return int(digits) if int(digits) < self.count and self._name(int(digits)) == name else None
