"""What travels: orders down, reports up, and the three kinds of channel inside them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from isofed.trees import Tree


@dataclass(frozen=True, eq=False)
class Value:
    """A tree as it is: FedAvg's local weights, or running statistics."""

    tree: Tree
    kind = "value"

    @property
    def nbytes(self) -> int:
        """Payload in bytes."""
        return self.tree.layout.nbytes


@dataclass(frozen=True, eq=False)
class Delta:
    """A tree of differences, local minus global: what clipping, noise and masks work on."""

    tree: Tree
    kind = "delta"

    @property
    def nbytes(self) -> int:
        """Payload in bytes, as it is held: a privacy step may have made small integers of it."""
        return sum(int(buffer.nbytes) for buffer in self.tree.buffers.values())


@dataclass(frozen=True, eq=False)
class Table:
    """Rows with counts, such as identity centres.

    Args:
        values: (rows, width) float32; a row whose count is 0 is zero.
        counts: (rows,) int64; no image makes up more than 1/count of a row, and 0 says that there is
            none. On the wire a count is presence alone: 0 or 1.
    """

    values: Any
    counts: Any
    kind = "table"

    @property
    def nbytes(self) -> int:
        """Payload in bytes: the rows, and one byte of presence for each."""
        return int(self.values.nbytes + len(self.counts))


Channel = Value | Delta | Table


@dataclass(frozen=True)
class Order:
    """What the server asks of one site in one attempt of one round.

    Args:
        run: name of the run, the same for all its orders.
        round: counted from 1.
        attempt: counted from 1; the same (round, attempt) is answered with the same report.
        base: the memory version the site starts from, ``""`` for none (see client/memory.py).
        digest: of recipe, task, level and versions; a site built from others refuses.
        channels: ``model`` and ``buffers`` always, and what the recipe adds.
        config: numbers and words that a strategy of Flower's tells its clients beside.
    """

    run: str
    round: int
    attempt: int
    base: str
    digest: str
    channels: Mapping[str, Channel] = field(repr=False)
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """What a site sends back: private channels and public numbers, told apart by type.

    Args:
        version: the memory version that holds what the site remembers of this attempt.
        channels: private until aggregated.
        scalars: released information: ``examples``, ``steps``, ``loss``.
    """

    round: int
    attempt: int
    version: str
    channels: Mapping[str, Channel] = field(repr=False)
    scalars: Mapping[str, int | float]


def empty_table(rows: int, width: int) -> Table:
    """Return a table in which no row is present."""
    return Table(np.zeros((rows, width), np.float32), np.zeros(rows, np.int64))
