"""Pictures upside down, which show another finger: new classes where fingers are few.

Source: Ou et al., "Fusion loss and inter-class data augmentation for deep finger vein feature learning",
2021.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Flipped:
    """The pictures of an array with their rows in reverse, turned when they are read.

    Attributes:
        whole: (N, H, W), possibly memory-mapped.
    """

    whole: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """Return (N, H, W)."""
        return tuple(self.whole.shape)

    @property
    def dtype(self) -> Any:
        """Return that of the pictures."""
        return self.whole.dtype

    def __len__(self) -> int:
        return len(self.whole)

    def __getitem__(self, rows: Any) -> Any:
        return self.whole[rows][:, ::-1]


def doubled(
    parts: tuple[Any, ...], labels: np.ndarray, domains: np.ndarray
) -> tuple[tuple[Any, ...], np.ndarray, np.ndarray]:
    """Return the parts and behind them the same upside down, whose labels go on where the others end."""
    more = labels + int(labels.max(initial=-1)) + 1
    return (
        (*parts, *map(Flipped, parts)),
        np.concatenate([labels, more]),
        np.concatenate([domains, domains]),
    )
