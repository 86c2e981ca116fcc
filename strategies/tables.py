"""Tables that travel beside the model, and how the server averages them row by row."""

from dataclasses import dataclass

import numpy as np

from isofed.errors import ConfigError
from isofed.records import Table


@dataclass(frozen=True)
class TableRule:
    """A channel of one row for each class, as wide as the features.

    Args:
        meaning: what a row is, in the words of the contract; a level lets it out or does not.
        over: ``"present"`` divides a row's sum by the clients that sent it, ``"all"`` by all clients,
            absent rows counted as zero.
    """

    meaning: str
    over: str = "present"

    def __post_init__(self) -> None:
        if self.over not in ("present", "all"):
            raise ConfigError(f"'over' is '{self.over}', but must be one of: present, all")


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

    def mean(self, rule: TableRule) -> Table:
        """Return the averaged table; counts say how many clients stand behind a row."""
        share = self.present if rule.over == "present" else np.full_like(self.present, self.clients)
        rows = self.values / np.maximum(share, 1)[:, None]
        return Table(rows.astype(np.float32), self.present.copy())
