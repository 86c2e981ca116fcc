"""All blurs of an image at once, as one product of spectra."""

import numpy as np
import torch
from numpy.typing import NDArray

from isofed.tasks.vein.drawing import kernels
from isofed.tasks.vein.drawing.fields import fast
from isofed.tasks.vein.drawing.variations import Variation

Floats = NDArray[np.float32]
NEAR = 25.0  # standard deviation of the local mean that haze mixes in, pixels of the published frame


def spread(variation: Variation, lens: float, view: kernels.Kernel) -> kernels.Kernel | None:
    """Return the point spread of scattering, motion and optics together, or None where there is none.

    Args:
        variation: what happened.
        lens: standard deviation of the sensor's own blur, pixels of the published frame.
        view: see :mod:`isofed.tasks.vein.drawing.kernels`.
    """
    parts = []
    if variation.scatter.std > 0:
        parts.append(kernels.scattering(variation.scatter, view))
    if variation.motion.length > 1:
        parts.append(kernels.line(variation.motion, view))
    if variation.optical.radius > 0:
        parts.append(kernels.disc(variation.optical.radius, view))
    if lens > 0:
        parts.append(kernels.gaussian(lens, view))
    return kernels.composed(parts) if parts else None


def blur(image: Floats, kernel: kernels.Kernel | None, haze: float, view: kernels.Kernel) -> Floats:
    """Blur an image (h, w) and mix in its local mean: ``t x + (1 - t) mean``; borders are repeated outwards.

    The energy stays: the transfer function is 1 at frequency 0.
    """
    if kernel is None and haze == 1:
        return image
    margin = reach(kernel, haze, view)
    h, w = image.shape
    shape = fast(h + 2 * margin), fast(w + 2 * margin)
    padded = np.pad(image, ((margin, shape[0] - h - margin), (margin, shape[1] - w - margin)), mode="edge")
    spectrum = torch.fft.rfft2(torch.from_numpy(padded))
    spectrum *= _transfer(shape, kernel, haze, view)
    whole = torch.fft.irfft2(spectrum, s=shape).numpy()
    return np.ascontiguousarray(whole[margin : margin + h, margin : margin + w])


def reach(kernel: kernels.Kernel | None, haze: float, view: kernels.Kernel) -> int:
    """Return how far a blur brings light, pixels."""
    near = 0 if kernel is None else len(kernel) // 2
    return near + (int(2 * NEAR * np.linalg.norm(view, 2)) if haze < 1 else 0)


def _transfer(
    shape: tuple[int, int], kernel: kernels.Kernel | None, haze: float, view: kernels.Kernel
) -> torch.Tensor:
    transfer = torch.ones(1, 1, dtype=torch.complex64)
    if kernel is not None:
        half = len(kernel) // 2
        laid = torch.zeros(len(kernel), shape[1])
        laid[:, : len(kernel)] = torch.from_numpy(kernel)
        # the rows that hold the kernel are few: one axis at a time
        rows = torch.zeros(shape[0], shape[1] // 2 + 1, dtype=torch.complex64)
        rows[: len(kernel)] = torch.fft.rfft(torch.roll(laid, -half, 1))
        transfer = torch.fft.fft(torch.roll(rows, -half, 0), dim=0)
    if haze < 1:
        transfer = transfer * torch.from_numpy(np.float32(haze) + np.float32(1 - haze) * _local(shape, view))
    return transfer


def _local(shape: tuple[int, int], view: kernels.Kernel) -> Floats:
    """Return the transfer function of the local mean, a Gaussian."""
    fy, fx = (
        np.fft.fftfreq(shape[0]).astype(np.float32)[:, None],
        np.fft.rfftfreq(shape[1]).astype(np.float32),
    )
    (a, b), (_, d) = -2 * (np.pi * NEAR) ** 2 * (view @ view.T)
    return np.exp(np.float32(a) * fx * fx + np.float32(d) * fy * fy + np.float32(2 * b) * fx * fy)
