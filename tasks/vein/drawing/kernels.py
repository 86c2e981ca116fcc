"""Point spreads: small arrays that add up to 1, laid out for any affine view of the frame.

``view`` (2, 2) says how far (columns, rows) a pixel of the published frame reaches in the image that is
blurred: the unit matrix for that frame itself, something else for another sensor or a cut-out, turned ROI.
"""

import numpy as np
from numpy.typing import NDArray

from isofed.tasks.vein.drawing.variations import Motion, Scatter

Kernel = NDArray[np.float64]
FINE = 5  # points a pixel along each axis, for smooth rims
CUT = 3.5  # standard deviations at which a Gaussian ends


def disc(radius: float, view: Kernel) -> Kernel:
    """Return a disc; its standard deviation along any axis is half its radius."""
    half = _half(radius * _stretch(view) + 1)
    across, down = _points(half, view)
    covered = (np.hypot(across, down) <= radius).astype(float)
    size = 2 * half + 1
    return _normed(covered.reshape(size, FINE, size, FINE).mean((1, 3)))


def gaussian(std: float, view: Kernel) -> Kernel:
    """Return a Gaussian of a standard deviation in pixels of the published frame."""
    half = _half(CUT * std * _stretch(view))
    across, down = _points(half, view)
    weight = np.exp(-((across / std) ** 2 + (down / std) ** 2) / 2)
    size = 2 * half + 1
    return _normed(weight.reshape(size, FINE, size, FINE).mean((1, 3)))


def line(motion: Motion, view: Kernel) -> Kernel:
    """Return a path of ``length`` points a pixel apart, its middle bent sideways.

    A straight one along an axis has the standard deviation ``sqrt((L^2 - 1) / 12)``.
    """
    t = np.arange(motion.length) - (motion.length - 1) / 2
    side = motion.bend * (1 - (t / max(abs(t[0]), 1.0)) ** 2)
    side -= side.mean()
    cos, sin = np.cos(np.deg2rad(motion.direction)), np.sin(np.deg2rad(motion.direction))
    path = np.stack([t * cos + side * sin, -t * sin + side * cos], axis=1) @ view.T
    path = np.round(path, 9)
    half = _half(float(np.abs(path).max()) + 1)
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    low = np.floor(path).astype(int)
    part = path - low
    for right in (0, 1):
        for below in (0, 1):
            weight = np.abs(1 - right - part[:, 0]) * np.abs(1 - below - part[:, 1])
            np.add.at(kernel, (low[:, 1] + below + half, low[:, 0] + right + half), weight)
    return _normed(kernel)


def scattering(scatter: Scatter, view: Kernel) -> Kernel:
    """Return the point spread of the skin: a disc of radius 2 std, or a Gaussian."""
    return disc(2 * scatter.std, view) if scatter.flat else gaussian(scatter.std, view)


def composed(kernels: list[Kernel]) -> Kernel:
    """Return the one point spread that does what all do in turn."""
    whole = kernels[0]
    for kernel in kernels[1:]:
        size = len(whole) + len(kernel) - 1
        product = np.fft.rfft2(whole, (size, size)) * np.fft.rfft2(kernel, (size, size))
        whole = np.maximum(np.fft.irfft2(product, (size, size)), 0.0)
    return _normed(whole)


def _half(reach: float) -> int:
    return max(1, int(np.ceil(reach)))


def _stretch(view: Kernel) -> float:
    return float(np.linalg.norm(view, 2))


def _points(half: int, view: Kernel) -> tuple[Kernel, Kernel]:
    """Return where a kernel's finer points lie in the published frame."""
    size = (2 * half + 1) * FINE
    at = (np.arange(size) + 0.5) / FINE - half - 0.5
    (a, b), (c, d) = np.linalg.inv(view)
    return a * at + b * at[:, None], c * at + d * at[:, None]


def _normed(kernel: Kernel) -> Kernel:
    return kernel / kernel.sum()
