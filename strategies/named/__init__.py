"""The named algorithms: each a composition of a line or two, with its citation.

A file is a family with its table; a new algorithm is a function and a row in one of them.
"""

from collections.abc import Callable

from isofed.strategies.named import averaging, banks, drift, personal
from isofed.strategies.recipe import Recipe

STRATEGIES: dict[str, Callable[..., Recipe]] = dict(
    sorted({**averaging.NAMED, **drift.NAMED, **banks.NAMED, **personal.NAMED}.items())
)
