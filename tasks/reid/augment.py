"""From stored uint8 pictures to the network's input, with and without augmentation.

What is random is drawn beforehand, by NumPy's generator; how it is applied depends on the device alone:
cropped by views and then normalised on a CPU, copied once as bytes and gathered on an accelerator.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from isofed.tasks.reid.options import ReidOptions

MEAN = np.array([0.485, 0.456, 0.406], np.float32)  # ImageNet, of pixels in 0..1
STD = np.array([0.229, 0.224, 0.225], np.float32)
# rows: what one output channel takes of R, G, B; "unchanged" is handled apart
MIXES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.2989, 0.5870, 0.1140]], np.float32)
KINDS = {"all": (0, 4), "copies": (0, 3), "gray": (3, 4)}  # rows of MIXES, from and to

Images = NDArray[np.uint8]
Device = str | torch.device


@dataclass(frozen=True)
class Draws:
    """What happens to each of B pictures or tracklets.

    padding: width of the zero border.
    tops, lefts: (B,) corner of the crop in the padded picture, 0 to 2 padding.
    mirrored: (B,) whether left and right change places.
    mixes: (B, 3, 3) float32, normalised RGB in to channels out.
    """

    padding: int
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    mixes: NDArray[np.float32]


def draw(count: int, options: ReidOptions, rng: np.random.Generator) -> Draws:
    """Draw how ``count`` pictures or tracklets are changed, each on its own."""
    tops, lefts = rng.integers(0, 2 * options.padding + 1, size=(2, count))
    mirrored = np.less(rng.random(count), options.flip)
    return Draws(options.padding, tops, lefts, mirrored, _mixes(count, options, rng))


def _mixes(count: int, options: ReidOptions, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return (B, 3, 3) matrices; the identity where nothing changes."""
    changed = rng.random(count) < options.channel_augmentation
    rows = MIXES[rng.integers(*KINDS[options.channel_kinds], count)]
    matrices = np.where(changed[:, None, None], rows[:, None, :], np.eye(3, dtype=np.float32))
    return np.ascontiguousarray(matrices.transpose(0, 2, 1))


def crops_by_views(images: Images, draws: Draws) -> Images:
    """Return each picture moved over zeros and mirrored: (B, ..., H, W, 3), one copy a picture."""
    pad, (height, width) = draws.padding, images.shape[-3:-1]
    padded = np.zeros((*images.shape[:-3], height + 2 * pad, width + 2 * pad, 3), np.uint8)
    padded[..., pad : pad + height, pad : pad + width, :] = images
    out = np.empty_like(images)
    for i, (top, left, mirrored) in enumerate(
        zip(draws.tops.tolist(), draws.lefts.tolist(), draws.mirrored.tolist(), strict=True)
    ):
        crop = padded[i, ..., top : top + height, left : left + width, :]
        out[i] = crop[..., ::-1, :] if mirrored else crop
    return out


def crops_by_index(pixels: Tensor, draws: Draws) -> Tensor:
    """Return what :func:`crops_by_views` does, gathered at once where ``pixels`` (B, ..., H, W, 3) lie."""
    height, width = pixels.shape[-3:-1]
    down, across = torch.arange(height), torch.arange(width)
    along = torch.where(torch.from_numpy(draws.mirrored)[:, None], width - 1 - across, across)
    rows = torch.from_numpy(draws.tops)[:, None] + down - draws.padding
    columns = torch.from_numpy(draws.lefts)[:, None] + along - draws.padding
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    places = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    flat = pixels.reshape(len(pixels), -1, height * width, 3)
    index = places.to(pixels.device, non_blocking=True).view(len(pixels), 1, -1, 1)
    moved = flat.gather(2, index.expand(-1, flat.shape[1], -1, 3)).view(pixels.shape)
    shape = (len(pixels), *(1,) * (pixels.dim() - 4), height, width, 1)
    return moved * inside.to(pixels.device, non_blocking=True).view(shape)


def _affine(pixels: Tensor, mixes: NDArray[np.float32]) -> Tensor:
    """Return ((pixel / 255 - mean) / std) @ mix of each picture, (B, ..., 3, H, W) float32 channels-last."""
    weights = torch.from_numpy(mixes / (255 * STD)[:, None])
    shifts = torch.from_numpy(-np.einsum("c,bco->bo", MEAN / STD, mixes)[:, None, :].astype(np.float32))
    mixed = torch.baddbmm(
        shifts.to(pixels.device), pixels.view(len(pixels), -1, 3).float(), weights.to(pixels.device)
    )
    return mixed.view(pixels.shape).movedim(-1, -3)


def _upload(images: Images, device: Device) -> Tensor:
    """Copy the bytes to the device, by way of pinned memory where that is another."""
    pixels = torch.from_numpy(images)
    return pixels.pin_memory().to(device, non_blocking=True) if _elsewhere(device) else pixels


def _elsewhere(device: Device) -> bool:
    return torch.device(device).type != "cpu"


def training(
    images: Images, options: ReidOptions, rng: np.random.Generator, device: Device = "cpu"
) -> Tensor:
    """Return augmented, normalised pictures: uint8 (B, H, W, 3) to float32 (B, 3, H, W), channels-last.

    Tracklets of T frames, (B, T, H, W, 3), become (B, T, 3, H, W); all frames of one share what was drawn.

    In this order: zero padding and random crop, horizontal flip, ImageNet normalisation, and with the
    stated probability one of: R, G, B or the luminance 0.2989 R + 0.5870 G + 0.1140 B in all channels,
    computed on the normalised values, each picture drawing on its own.

    Args:
        images: RGB, all of one size.
        options: padding, flip, channel_augmentation and channel_kinds are read.
        rng: where the draws come from, whatever the device.
        device: where the batch shall lie, and be computed; values are equal up to rounding.

    Reference: Jiang et al., CVPR 2025, section 4.2; channel augmentation from Ye et al., "Channel
    augmented joint learning for visible-infrared recognition", ICCV 2021. Differs from the paper's
    text, which has the three copies only; ``channel_kinds="copies"`` follows it.
    """
    draws = draw(len(images), options, rng)
    if _elsewhere(device):
        return apply(_upload(images, device), draws)
    return _affine(torch.from_numpy(crops_by_views(images, draws)), draws.mixes)


def apply(pixels: Tensor, draws: Draws) -> Tensor:
    """Augment uint8 pictures where they lie; the result has the shapes of :func:`training`."""
    return _affine(crops_by_index(pixels, draws), draws.mixes)


def plain(images: Images, device: Device = "cpu") -> Tensor:
    """Return normalised pictures for evaluation, with the shapes of :func:`training`."""
    unchanged = np.broadcast_to(np.eye(3, dtype=np.float32), (len(images), 3, 3))
    return _affine(_upload(np.array(images), device), unchanged)
