"""Random changes of clips, all joints and frames of one alike; off as released."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isofed.tasks.micro_gesture.joints import BODIES, IMIGUE
from isofed.tasks.micro_gesture.options import MicroGestureOptions


def training(
    clips: NDArray[np.float32], options: MicroGestureOptions, rng: np.random.Generator, device: str
) -> Tensor:
    """Return clips as a step is fed them, (B, 3, T, V): turned, made larger or smaller, with noise.

    Bodies of two coordinates turn in the picture, those of three about the vertical axis; a confidence stays
    as it is.

    Args:
        clips: (B, 3, T, V).
        options: ``turn``, ``zoom`` and ``noise`` are read, and ``body``.
        rng: as much is drawn whatever is asked for.
        device: where the result lies.

    Source: the released code of Xia et al., 2025, has turns and sizes, switched off. Differs from it in: the
    range is an option.
    """
    count = len(clips)
    turn = math.radians(options.turn) * rng.uniform(-1, 1, count)
    size = 1 + options.zoom * rng.uniform(-1, 1, count)
    seed = int(rng.integers(2**62))
    moved = torch.from_numpy(np.array(clips, np.float32)).to(device)
    if not (options.turn or options.zoom or options.noise):
        return moved
    flat = BODIES[options.body or IMIGUE.name].flat
    matrix = torch.from_numpy(_matrices(turn, size, flat).astype(np.float32)).to(device)
    moved = torch.einsum("nij,njtv->nitv", matrix, moved)
    if options.noise:
        draw = torch.randn(moved.shape, generator=torch.Generator().manual_seed(seed))
        moved[:, : 2 if flat else 3] += options.noise * draw.to(device)[:, : 2 if flat else 3]
    return moved


def _matrices(turn: NDArray[np.float64], size: NDArray[np.float64], flat: bool) -> NDArray[np.float64]:
    """Return (B, 3, 3): a turn of the first two coordinates, or of the first and third, times the size."""
    made = np.zeros((len(turn), 3, 3))
    one, other = (0, 1) if flat else (0, 2)
    made[:, one, one] = made[:, other, other] = size * np.cos(turn)
    made[:, one, other], made[:, other, one] = -size * np.sin(turn), size * np.sin(turn)
    rest = 3 - one - other
    made[:, rest, rest] = 1.0 if flat else size
    return made
