"""Reading arrays between their pixels."""

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def sample(planes: Floats, x: Floats, y: Floats) -> Floats:
    """Read planes (C, h, w) bilinearly at columns ``x`` and rows ``y`` (H, W): (C, H, W) float32.

    Beyond the planes their last row or column goes on.
    """
    _, h, w = planes.shape
    grid = np.empty((1, *x.shape, 2), np.float32)
    np.multiply(x, np.float32(2 / (w - 1)), out=grid[0, :, :, 0])
    np.multiply(y, np.float32(2 / (h - 1)), out=grid[0, :, :, 1])
    flat = grid.reshape(-1)
    flat -= 1
    read = torch.nn.functional.grid_sample(
        torch.from_numpy(planes)[None], torch.from_numpy(grid), padding_mode="border", align_corners=True
    )
    return np.asarray(read[0].numpy())


def nearest(plane: Floats, x: Floats, y: Floats) -> Floats:
    """Read a plane (h, w) at the pixels nearest to columns ``x`` and rows ``y`` (H, W), all within it."""
    at = (y + np.float32(0.5)).astype(np.int32)
    at *= np.int32(plane.shape[1])
    at += (x + np.float32(0.5)).astype(np.int32)
    return np.take(plane, at)
