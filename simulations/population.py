"""A federation's nodes, each made when it is asked for, so that a million that stay idle cost nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from isofed.server.roster import Roster
from isofed.simulations.grid import SERVER, Node

FIRST = SERVER + 1


@dataclass(frozen=True, eq=False)
class Nodes(Mapping[str, Node]):
    """Nodes by name: the sites from number 2 on, in their order, and the evaluator, last.

    Args:
        sites: a tuple or a list is gone through once; of any other sequence, whose names stand in the order
            of their places, only those are looked at that are asked for.
        evaluator: its name.
        make: (number, name) to a node.
    """

    sites: Sequence[str]
    evaluator: str
    make: Callable[[int, str], Node]

    def number(self, name: str) -> int:
        """Return the number of the node of a name; KeyError where there is none."""
        if name == self.evaluator:
            return FIRST + len(self.sites)
        return self._site(name)

    def name(self, number: int) -> str:
        """Return the name of the site of a number."""
        return self.sites[number - FIRST]

    @property
    def roster(self) -> Roster:
        """The sites, in the order of their names, with their numbers."""
        if self._listed:
            return Roster.of({name: self._site(name) for name in self.sites})
        return Roster(self.sites, self._site)

    @property
    def by_number(self) -> Mapping[int, Node]:
        """The same nodes by number."""
        return Seats(self)

    def __getitem__(self, name: str) -> Node:
        return self.make(self.number(name), name)

    def __iter__(self) -> Iterator[str]:
        return chain(self.sites, (self.evaluator,))

    def __len__(self) -> int:
        return len(self.sites) + 1

    @property
    def _listed(self) -> bool:
        return isinstance(self.sites, tuple | list)

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {name: place for place, name in enumerate(self.sites)}

    def _site(self, name: str) -> int:
        if self._listed:
            return FIRST + self._places[name]
        try:
            return FIRST + self.sites.index(name)
        except ValueError:
            raise KeyError(name) from None


@dataclass(frozen=True, eq=False)
class Seats(Mapping[int, Node]):
    """The same nodes by number."""

    nodes: Nodes

    def __getitem__(self, number: int) -> Node:
        if number == FIRST + len(self.nodes.sites):
            return self.nodes.make(number, self.nodes.evaluator)
        if not FIRST <= number < FIRST + len(self.nodes.sites):
            raise KeyError(number)
        return self.nodes.make(number, self.nodes.sites[number - FIRST])

    def __iter__(self) -> Iterator[int]:
        return iter(range(FIRST, FIRST + len(self)))

    def __len__(self) -> int:
        return len(self.nodes)
