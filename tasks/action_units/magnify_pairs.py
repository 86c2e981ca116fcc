"""Synthetic pairs of frames with a small known motion between them, and the frame in which it is larger."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from isofed.seeds import public
from isofed.tasks.action_units.drawing.face import face
from isofed.tasks.action_units.drawing.film import TINT
from isofed.tasks.action_units.drawing.styles import STYLES

KINDS, EACH = ("noise", "blobs", "faces"), 18  # pictures of each kind
BLOBS = 14
LEAST, MOST = 0.1, 2.0  # pixels that B moves
FACTOR = 20.0  # the greatest magnification
REACH = 30.0  # pixels that Y moves at most, and an eighth of a small picture
LEVEL = 127.5

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Pairs:
    """A batch, each frame (B, 3, S, S) in -1 to 1, noise aside.

    Attributes:
        a: at rest.
        b: moved.
        c: ``b`` in other colours, its shapes where they are.
        y: ``a`` moved by ``factor`` as much as ``b``, without noise.
        factor: (B, 1, 1, 1), 1 to 20.
    """

    a: Tensor
    b: Tensor
    c: Tensor
    y: Tensor
    factor: Tensor


def stills(seed: int, side: int) -> Floats:
    """Draw the pictures that pairs are cut from, (54, 3, side, side) in -1 to 1.

    A third is 1/f noise, a third soft blobs, a third faces of the task's generator at rest.

    Args:
        seed: any integer.
        side: pixels.
    """
    rng = public(seed, 0, "", "pictures to magnify")
    grey = [_face(rng, side) for _ in range(EACH)]
    faces = np.stack(grey)[:, None] * np.array(TINT)[:, None, None] / LEVEL - 1
    return np.concatenate([_noise(rng, side), _blobs(rng, side), faces]).clip(-1, 1).astype(np.float32)


def _noise(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    """Return pictures whose amplitude falls with frequency to a power between 1.5 and 2.5."""
    far = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    far[0, 0] = np.inf
    white = np.fft.rfft2(rng.normal(size=(EACH, 3, side, side)))
    made = np.fft.irfft2(white / far ** rng.uniform(1.5, 2.5, (EACH, 1, 1, 1)), (side, side))
    return 0.4 * made / made.std((1, 2, 3), keepdims=True)


def _blobs(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    shape = (EACH, BLOBS, 1, 1)
    cx, cy, width = rng.uniform(0, 1, shape), rng.uniform(0, 1, shape), rng.uniform(0.03, 0.2, shape)
    soft = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
    return np.einsum("nbyx,nbc->ncyx", soft, rng.uniform(-0.8, 0.8, (EACH, BLOBS, 3)))


def _face(rng: np.random.Generator, side: int) -> NDArray[np.float64]:
    styles = list(STYLES.values())
    return face(rng, styles[int(rng.integers(len(styles)))], side)


def pairs(drawn: Floats, size: int, count: int, noise: float, rng: np.random.Generator) -> Pairs:
    """Cut, move and colour a batch.

    A, B and Y show one picture moved by s, s + d and s + f d: s is less than a pixel, so that what
    interpolation costs tells nothing; d is 0.1 to 2 pixels long, everywhere or around one place; f is 1 to
    20, and f d at most 30 pixels and at most an eighth of the picture. C is B with gain and offset of each
    colour changed. A, B and C get noise of standard deviation e sqrt((x + 1) / 127.5), e up to ``noise``.

    Args:
        drawn: of :func:`stills`, larger than a cut, size + size / 4 + 4.
        size: S, pixels.
        count: B.
        noise: the greatest strength, 0 to 1.
        rng: for all that is drawn.

    Source: Oh et al., "Learning-based Video Motion Magnification", ECCV 2018: triplets, ranges and noise.
    Differs from the paper in the pictures, which there are photographs with objects pasted over them.
    """
    reach = min(REACH, size / 8)
    length = LEAST * (MOST / LEAST) ** rng.random((count, 1, 1, 1))
    factor = np.minimum(FACTOR ** rng.random((count, 1, 1, 1)), np.maximum(reach / length, 1))
    edge = round(reach) + 2
    whole = torch.from_numpy(_cut(drawn, size + 2 * edge, count, rng))
    field, start = _field(rng, count, size + 2 * edge) * length, rng.uniform(-0.5, 0.5, (count, 2, 1, 1))
    a, b, y = (
        moved(whole, torch.from_numpy(start + times * field))[..., edge:-edge, edge:-edge]
        for times in (0.0, 1.0, factor)
    )
    gain, offset = rng.uniform(0.7, 1.3, (count, 3, 1, 1)), rng.uniform(-0.2, 0.2, (count, 3, 1, 1))
    c = (b * torch.from_numpy(gain).float() + torch.from_numpy(offset).float()).clamp(-1, 1)
    a, b, c = (_noisy(frames, noise, rng) for frames in (a, b, c))
    return Pairs(a, b, c, y, torch.from_numpy(factor).float())


def _cut(drawn: Floats, side: int, count: int, rng: np.random.Generator) -> Floats:
    which = rng.integers(len(drawn), size=count)[:, None, None]
    top, left = rng.integers(drawn.shape[-1] - side + 1, size=(2, count, 1, 1))
    rows, columns = top + np.arange(side)[:, None], left + np.arange(side)
    return np.ascontiguousarray(drawn[which, :, rows, columns].transpose(0, 3, 1, 2))


def _field(rng: np.random.Generator, count: int, side: int) -> NDArray[np.float64]:
    """Return (B, 2, side, side), one direction each; length 1 everywhere, or at one place and less around."""
    angle = rng.uniform(0, 2 * np.pi, (count, 1, 1, 1))
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    cx, cy = rng.uniform(0.25, 0.75, (2, count, 1, 1, 1))
    width = np.where(rng.random((count, 1, 1, 1)) < 0.5, np.inf, rng.uniform(0.08, 0.3, (count, 1, 1, 1)))
    there = np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
    return there * np.concatenate([np.cos(angle), np.sin(angle)], 1)


def moved(frames: Tensor, by: Tensor) -> Tensor:
    """Return frames (B, 3, H, W) that show at p what was at p - by(p); bilinear,
    which moves a slope by exactly as much.

    Args:
        frames: float32.
        by: (B, 2, H, W) or (B, 2, 1, 1), to the right and down, pixels.
    """
    height, width = frames.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([x, y]) - by
    far = torch.tensor([width - 1.0, height - 1.0])
    grid = (2 * places.permute(0, 2, 3, 1) / far - 1).to(frames)
    return F.grid_sample(frames, grid, mode="bilinear", padding_mode="reflection", align_corners=True)


def _noisy(frames: Tensor, noise: float, rng: np.random.Generator) -> Tensor:
    strength = torch.from_numpy(rng.uniform(0, noise, (len(frames), 1, 1, 1)).astype(np.float32))
    drawn = torch.from_numpy(rng.standard_normal(frames.shape, np.float32))
    return frames + strength * drawn * torch.sqrt((frames + 1).clamp(min=0) / LEVEL)
