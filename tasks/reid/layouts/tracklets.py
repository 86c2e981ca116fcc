"""Tracklets: short films of one person before one camera, over one array of frames."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tracklets:
    """T tracklets whose frames lie one behind the other.

    Attributes:
        frames: (F, H, W, 3) uint8, red, green, blue; possibly memory-mapped and read-only.
        starts: (T,) int64, each tracklet's first frame.
        lengths: (T,) int64, its frames, at least 1.
        ids: (T,) int64, the person's number as published.
        cams: (T,) int64, the camera's number.
        count: frames that stand for a tracklet.
    """

    frames: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    ids: np.ndarray
    cams: np.ndarray
    count: int

    def __len__(self) -> int:
        return len(self.ids)
