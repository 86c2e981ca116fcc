"""Where a tree's vein masks have to be moved to lie on the vessels that are seen."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.fields import gaussians
from isofed.tasks.vein.realism.picture import Picture
from isofed.tasks.vein.realism.shapes import distance

Floats = NDArray[np.float64]
Move = tuple[int, int]  # (down, to the right), pixels
MOST = 12  # pixels
BACKGROUND, SMOOTH = (
    12.0,
    1.5,
)  # standard deviations of what is taken off as tissue, and of the mask's softening
INSIDE = 14.0  # pixels inside the outline, where its dark edge cannot be taken for a vessel


def registration(pictures: Iterable[Picture], most: int = MOST) -> tuple[Move, float]:
    """Return the one move of all masks that fits best, and the correlation there.

    The correlation is that of the softened mask with ``G * I - I`` in the finger, mean over the pictures.
    One move for all, because a tree's masks were made by one program.

    Args:
        pictures: one or more, best with little blur.
        most: pixels to look into every direction.
    """
    found = np.mean([correlations(picture, most) for picture in pictures], axis=0)
    down, right = np.unravel_index(int(found.argmax()), found.shape)
    return (int(down) - most, int(right) - most), float(found.max())


def correlations(picture: Picture, most: int) -> Floats:
    """Return the correlation for every move, (2 most + 1, 2 most + 1), moves up and to the left first."""
    image = picture.image.astype(np.float32)
    inside = distance(picture.shape) > INSIDE
    # what comes in from beyond the frame is not known
    inside[:most], inside[-most:], inside[:, :most], inside[:, -most:] = (False,) * 4
    margin = int(4 * BACKGROUND)
    framed = np.pad(image, margin, mode="edge")
    coarse = gaussians(framed, ((BACKGROUND, BACKGROUND),))[0, margin:-margin, margin:-margin]
    dark = np.where(inside, coarse - image, 0).astype(np.float64)
    soft = gaussians(picture.veins.astype(np.float32), ((SMOOTH, SMOOTH),))[0].astype(np.float64)
    # sums over the finger of moved masks, for all moves at once: products of spectra
    weight = np.fft.rfft2(inside.astype(np.float64))
    moved, squared = np.fft.rfft2(soft), np.fft.rfft2(soft**2)
    n, shape = inside.sum(), picture.image.shape
    sums = [np.fft.irfft2(np.conj(a) * b, s=shape) for a, b in ((moved, weight), (squared, weight))]
    both = np.fft.irfft2(np.conj(moved) * np.fft.rfft2(dark), s=shape)
    covariance = both / n - sums[0] / n * dark.sum() / n
    spread = np.sqrt(np.maximum(sums[1] / n - (sums[0] / n) ** 2, 1e-12))
    deviation = float(np.sqrt(np.maximum((dark**2).sum() / n - (dark.sum() / n) ** 2, 1e-12)))
    steps = np.arange(-most, most + 1)
    return np.asarray((covariance / (spread * deviation))[np.ix_(steps, steps)])


def moved(mask: NDArray[np.bool_], move: Move) -> NDArray[np.bool_]:
    """Return a mask moved (down, to the right), nothing coming in from beyond the frame."""
    down, right = move
    height, width = mask.shape
    result = np.zeros_like(mask)
    result[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = mask[
        max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
    ]
    return result
