"""What travels beside the model: tables, averaged row by row, and trees of the model's own layout."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from isofed.config import within
from isofed.records import Table
from isofed.strategies.matching_math import match, spread
from isofed.suggest import pick


@dataclass(frozen=True)
class TableRule:
    """A channel of one row for each class, as wide as the features.

    Args:
        meaning: what a row is, in the words of the contract; a level lets it out or does not.
        over: ``"present"`` divides a row's sum by the clients that sent it, ``"all"`` by all clients,
            absent rows counted as zero; ``"nobody"`` sends zeros back, whatever came.
    """

    meaning: str
    over: str = "present"
    personal = False

    def __post_init__(self) -> None:
        pick("over", self.over, dict.fromkeys(("present", "all", "nobody")))


@dataclass(frozen=True)
class MatchRule:
    """A channel whose rows every client numbers for itself; the server finds out which belong together.

    Args:
        meaning: as in :class:`TableRule`.
        by: the channel whose rows are compared, possibly this one.
        tau: least cosine similarity of two rows that may be the same.

    Source: L2RW+ (the authors' later code), correspondence-guided prototype rectification.
    """

    meaning: str
    by: str
    tau: float = 0.0
    personal = True

    def __post_init__(self) -> None:
        within("tau", self.tau, -1.0, 1.0)

    def answer(self, name: str, tables: Mapping[str, Mapping[str, Table]]) -> dict[str, Table]:
        """Return what each site gets back: the mean of a row's group where it found one, else its own row.

        A member of a group that sent no row in this channel is not part of the mean and gets nothing back.

        Args:
            name: this channel's.
            tables: of every such channel, by channel and site.
        """
        compared = {s: (np.asarray(t.values), np.asarray(t.counts) > 0) for s, t in tables[self.by].items()}
        own = tables[name]
        values = {site: np.asarray(table.values) for site, table in own.items()}
        groups = [
            tuple((site, row) for site, row in group if own[site].counts[row] > 0)
            for group in match(compared, self.tau)
        ]
        spread_out = spread(values, [group for group in groups if group])
        return {site: Table(spread_out[site], np.asarray(table.counts)) for site, table in own.items()}


@dataclass(frozen=True)
class TreeRule:
    """A channel with the layout of the travelling parameters: the server keeps one tree, sites send changes.

    tree ← tree + (1 / N) Σ change_i over the sites heard, N being all sites: who is not heard changes
    nothing. It begins at zero.

    Args:
        meaning: as in :class:`TableRule`.
    """

    meaning: str
    personal = False


@dataclass(frozen=True)
class TableSum:
    """Row sums in float64, and how many clients sent each row."""

    values: np.ndarray
    present: np.ndarray
    clients: int = 0

    @classmethod
    def empty(cls, rows: int, width: int) -> "TableSum":
        """Return the sum of no tables."""
        return cls(np.zeros((rows, width)), np.zeros(rows, np.int64))

    def add(self, table: Table) -> "TableSum":
        """Return the sum with one more client's table."""
        present = np.asarray(table.counts) > 0
        values = self.values + np.where(present[:, None], np.asarray(table.values, np.float64), 0.0)
        return TableSum(values, self.present + present, self.clients + 1)

    def mean(self, rule: TableRule, before: Table | None = None) -> Table:
        """Return the averaged table; counts say how many clients stand behind a row.

        Args:
            rule: over whom.
            before: the table whose rows stay where nobody sent one; None for no row there.
        """
        share = self.present if rule.over == "present" else np.full_like(self.present, self.clients)
        kept = 0.0 if rule.over == "nobody" else 1.0
        rows = (kept * self.values / np.maximum(share, 1)[:, None]).astype(np.float32)
        if before is None:
            return Table(rows, self.present.copy())
        heard = self.present > 0
        counts = np.where(heard, self.present, np.asarray(before.counts))
        return Table(np.where(heard[:, None], rows, np.asarray(before.values)), counts)
