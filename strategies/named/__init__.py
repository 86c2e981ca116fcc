"""The named algorithms: each a composition of a line or two, with its citation.

A file is a family with its table; a new algorithm is a function and a row in one of them.
"""

from collections.abc import Callable, Mapping

from isofed.strategies.named import (
    adapters,
    asynchronous,
    averaging,
    banks,
    distilled,
    drift,
    fair,
    personal,
    robust,
)
from isofed.strategies.recipe import Recipe, called

FAMILIES: tuple[Mapping[str, Callable[..., Recipe]], ...] = (
    averaging.NAMED,
    drift.NAMED,
    banks.NAMED,
    personal.NAMED,
    fair.NAMED,
    distilled.NAMED,
    asynchronous.NAMED,
    adapters.NAMED,
    robust.NAMED,
)

STRATEGIES: dict[str, Callable[..., Recipe]] = {
    name: called(make) for name, make in sorted(row for family in FAMILIES for row in family.items())
}
