"""Random erasing: a rectangle of a picture loses its content."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

AREA = (0.02, 0.4)  # share of the picture
ASPECT = (0.3, 1 / 0.3)  # height over width
ATTEMPTS = 16  # of nine in ten draws the rectangle fits into an upright picture

Integers = NDArray[np.int64]


def rectangles(
    count: int, height: int, width: int, probability: float, rng: np.random.Generator
) -> tuple[Integers, Integers]:
    """Return top left corner and size of each picture's rectangle, (N, 2) and (N, 2) pixels, rows first.

    Area and aspect are drawn evenly until height and width are below the picture's, then the place, evenly;
    a picture that is not chosen, or for which nothing fits, gets the size 0. How many numbers are drawn
    depends on ``count`` alone.

    Args:
        count: N pictures.
        height: of a picture, pixels.
        width: of a picture, pixels.
        probability: that a picture is chosen, 0 to 1.
        rng: where the draws come from.
    """
    chosen = rng.random(count) < probability
    areas = rng.uniform(*AREA, (count, ATTEMPTS)) * height * width
    aspects = rng.uniform(*ASPECT, (count, ATTEMPTS))
    sizes = np.rint(np.sqrt(np.stack([areas * aspects, areas / aspects], axis=2))).astype(np.int64)
    fits: NDArray[np.bool_] = (sizes[..., 0] < height) & (sizes[..., 1] < width)
    size = sizes[np.arange(count), fits.argmax(1)] * (fits.any(1) & chosen)[:, None]
    room = np.array([height, width]) - size + 1
    return (rng.random((count, 2)) * room).astype(np.int64), size


def _inside(first: Integers, size: Integers, length: int) -> NDArray[np.bool_]:
    """Mark the positions first to first + size - 1 of each row: (N, length)."""
    places = np.arange(length)
    return (places >= first[:, None]) & (places < (first + size)[:, None])


def erase(images: Tensor, probability: float, rng: np.random.Generator) -> Tensor:
    """Return pictures some of which have a rectangle of zeros, ImageNet's mean colour.

    All frames of a tracklet, (N, T, 3, H, W), share theirs.
    Before or after channel augmentation makes no difference: mixtures of zeros are zero.

    Args:
        images: (N, 3, H, W) floats, normalised.
        probability: that a picture gets a rectangle, 0 to 1.
        rng: where the draws come from.

    Reference: Zhong et al., "Random erasing data augmentation", AAAI 2020, algorithm 1. Differs from the
    released code of CAJ and L2RW, which writes 0.4914, 0.4822 and 0.4465 into the normalised channels.
    """
    (count, *rest), (height, width) = images.shape[:-2], images.shape[-2:]
    corner, size = rectangles(count, height, width, probability, rng)
    rows = torch.from_numpy(_inside(corner[:, 0], size[:, 0], height)).to(images.device)
    columns = torch.from_numpy(_inside(corner[:, 1], size[:, 1], width)).to(images.device)
    gone = (rows[:, :, None] & columns[:, None, :]).view(count, *(1 for _ in rest), height, width)
    return images.clone().masked_fill_(gone, 0.0)
