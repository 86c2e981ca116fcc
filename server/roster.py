"""Who may be asked: names in their order, and the node behind each, looked up without a list of all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Roster(Mapping[str, int]):
    """Node ID by name. To walk through it costs what walking through the names costs.

    Args:
        names: in their order; perhaps made one by one as they are asked for.
        number: a name to the ID of its node; KeyError for one that is not there.
    """

    names: Sequence[str]
    number: Callable[[str], int]

    @classmethod
    def of(cls, numbers: Mapping[str, int]) -> "Roster":
        """Return what is a roster already as it is, and anything else sorted by name."""
        if isinstance(numbers, cls):
            return numbers
        return cls(tuple(sorted(numbers)), dict(numbers).__getitem__)

    def __getitem__(self, name: str) -> int:
        return self.number(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)
