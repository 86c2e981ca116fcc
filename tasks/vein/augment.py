"""Pictures of a finger changed at random: moved, lit otherwise, with noise; all of a batch at once.

What is random is drawn by NumPy's generator, whatever the device; how it is applied is torch's.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from isofed.tasks.vein.model import prepared
from isofed.tasks.vein.options import VeinOptions

FULL = 2.0  # the range of a prepared picture, -1 to 1
Device = str | torch.device


@dataclass(frozen=True)
class Draws:
    """What happens to each of B pictures.

    turns: (B,) radians, counter-clockwise as seen.
    shifts: (B, 2) to the right and down, shares of width and height.
    zooms: (B,) factors on the size.
    gains, offsets: (B,) a prepared picture x becomes ``gain x + offset``.
    noise: (B, H, W) float32 added to that, or None.
    """

    turns: NDArray[np.float64]
    shifts: NDArray[np.float64]
    zooms: NDArray[np.float64]
    gains: NDArray[np.float64]
    offsets: NDArray[np.float64]
    noise: NDArray[np.float32] | None


def draw(count: int, options: VeinOptions, rng: np.random.Generator) -> Draws:
    """Draw how ``count`` pictures are changed, each on its own, evenly between the ends."""
    even = rng.uniform(-1, 1, (6, count))
    size = (count, options.height, options.width)
    return Draws(
        np.deg2rad(options.turn) * even[0],
        options.shift * even[1:3].T,
        1 + options.zoom * even[3],
        1 + options.contrast * even[4],
        FULL * options.light * even[5],
        np.float32(FULL * options.noise) * rng.standard_normal(size, np.float32) if options.noise else None,
    )


def training(
    pixels: NDArray[np.uint8], options: VeinOptions, rng: np.random.Generator, device: Device
) -> Tensor:
    """Return changed pictures: (B, H, W) uint8 to (B, 1, H, W) float32.

    In this order: turn, zoom and shift in one, the border repeated beyond the frame; contrast; light; noise.

    Args:
        pixels: of H rows and W columns as the options say.
        options: turn, shift, zoom, light, contrast and noise are read.
        rng: where the draws come from.
        device: where the batch shall lie.
    """
    return apply(plain(pixels, device), draw(len(pixels), options, rng))


def plain(pixels: NDArray[np.uint8], device: Device) -> Tensor:
    """Return pictures as they are: (B, H, W) uint8 to (B, 1, H, W) float32 from -1 to 1."""
    return prepared(torch.from_numpy(np.ascontiguousarray(pixels)).to(device))


def apply(pictures: Tensor, draws: Draws) -> Tensor:
    """Change prepared pictures, (B, 1, H, W), where they lie."""
    grid = F.affine_grid(places(draws, *pictures.shape[2:]).to(pictures.device), list(pictures.shape), False)
    moved = F.grid_sample(pictures, grid, "bilinear", "border", False)
    gains, offsets = (
        torch.from_numpy(each.astype(np.float32)).to(pictures.device)[:, None, None, None]
        for each in (draws.gains, draws.offsets)
    )
    lit = moved * gains + offsets
    return lit if draws.noise is None else lit + torch.from_numpy(draws.noise).to(pictures.device)[:, None]


def places(draws: Draws, height: int, width: int) -> Tensor:
    """Return (B, 2, 3) float32: where in a picture, in shares of its half size, each place of the result is.

    A point at p from the centre comes to ``zoom Rot(turn) p + shift``, lengths in pixels; what is returned is
    the way back.
    """
    cos, sin = np.cos(draws.turns) / draws.zooms, np.sin(draws.turns) / draws.zooms
    tall = height / width
    back = np.stack([np.stack([cos, -sin * tall], 1), np.stack([sin / tall, cos], 1)], 1)
    start = -np.einsum("bij,bj->bi", back, 2 * draws.shifts)
    return torch.from_numpy(np.concatenate([back, start[:, :, None]], 2).astype(np.float32))
