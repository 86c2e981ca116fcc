"""Several arrays of pictures as one, without copying them together."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Joined:
    """The rows of several arrays of one shape, one array after the other.

    Attributes:
        parts: (N_i, ...) of one dtype, possibly memory-mapped.
    """

    parts: tuple[Any, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return (n, ...) of ``rows``, (n,) int64, each at least 0."""
        ends = np.cumsum([len(part) for part in self.parts])
        if len(rows) and not 0 <= rows.min() <= rows.max() < ends[-1]:
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {ends[-1]}")
        whose = np.searchsorted(ends, rows, side="right")
        out = np.empty((len(rows), *self.parts[0].shape[1:]), self.parts[0].dtype)
        for number, part in enumerate(self.parts):
            mine = whose == number
            out[mine] = part[rows[mine] - (ends[number] - len(part))]
        return out
