"""From stored uint8 pictures to the network's input, with and without augmentation."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isofed.tasks.reid.options import ReidOptions

MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # ImageNet, of pixels in 0..1
STD = np.array([0.229, 0.224, 0.225], np.float32)
# rows: what one output channel takes of R, G, B; the first is "unchanged" and is handled apart
MIXES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.2989, 0.5870, 0.1140]], np.float32)
COPIES = 3

Images = NDArray[np.uint8]


def _crops(images: Images, padding: int, flip: float, rng: np.random.Generator) -> Images:
    """Return each picture moved by up to ``padding`` pixels over zeros and mirrored at random."""
    count, height, width, _ = images.shape
    padded = np.zeros((count, height + 2 * padding, width + 2 * padding, 3), np.uint8)
    padded[:, padding : padding + height, padding : padding + width] = images
    tops, lefts = rng.integers(0, 2 * padding + 1, size=(2, count))
    mirrored: list[bool] = np.less(rng.random(count), flip).tolist()
    out = np.empty_like(images)
    for i, (top, left) in enumerate(zip(tops.tolist(), lefts.tolist(), strict=True)):  # views, no maths
        crop = padded[i, top : top + height, left : left + width]
        out[i] = crop[:, ::-1] if mirrored[i] else crop
    return out


def _mixes(count: int, options: ReidOptions, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (B, 3, 3) matrices, normalised RGB in to channels out; the identity where nothing changes."""
    kinds = COPIES if options.channel_copies_only else len(MIXES)
    changed = rng.random(count) < options.channel_augmentation
    rows = MIXES[rng.integers(0, kinds, count)]
    matrices = np.where(changed[:, None, None], rows[:, None, :], np.eye(3, dtype=np.float32))
    return np.ascontiguousarray(matrices.transpose(0, 2, 1))


def _affine(images: Images, mixes: NDArray[np.float32]) -> Tensor:
    """Return ((pixel / 255 - mean) / std) @ mix of each picture, (B, 3, H, W) float32 channels-last."""
    count, height, width, _ = images.shape
    weights = mixes / (255 * STD)[:, None]
    shifts = -np.einsum("c,bco->bo", MEAN / STD, mixes)[:, None, :]
    pixels = torch.from_numpy(images).view(count, height * width, 3).float()
    mixed = torch.baddbmm(torch.from_numpy(shifts.astype(np.float32)), pixels, torch.from_numpy(weights))
    return mixed.view(count, height, width, 3).permute(0, 3, 1, 2)


def training(images: Images, options: ReidOptions, rng: np.random.Generator, device: str = "cpu") -> Tensor:
    """Return augmented, normalised pictures: (B, H, W, 3) uint8 to (B, 3, H, W) float32 channels-last.

    In this order: zero padding and random crop, horizontal flip, ImageNet normalisation, and with the
    stated probability one of: R, G, B or the luminance 0.2989 R + 0.5870 G + 0.1140 B in all channels,
    computed on the normalised values, each picture drawing on its own.

    Args:
        images: RGB, all of one size.
        options: padding, flip, channel_augmentation and channel_copies_only are read.
        rng: where the draws come from.
        device: where the batch shall lie.

    Reference: Jiang et al., CVPR 2025, section 4.2; channel augmentation from Ye et al., "Channel
    augmented joint learning for visible-infrared recognition", ICCV 2021. Differs from the paper's
    text, which has the three copies only; ``channel_copies_only=True`` follows it.
    """
    crops = _crops(images, options.padding, options.flip, rng)
    return _affine(crops, _mixes(len(images), options, rng)).to(device)


def plain(images: Images, device: str = "cpu") -> Tensor:
    """Return normalised pictures for evaluation: (B, H, W, 3) uint8 to (B, 3, H, W) float32."""
    return _affine(np.array(images), np.broadcast_to(np.eye(3, dtype=np.float32), (len(images), 3, 3))).to(
        device
    )
