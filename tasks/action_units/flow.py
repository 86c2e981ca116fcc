"""Optical flow from onset to apex as a picture of three channels: u, v and strain."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.errors import ConfigError
from isofed.suggest import pick

Floats = NDArray[np.float32]
STRAINS, SCALINGS = ("textbook", "meb"), ("image", "fixed")
REACH = 3.0  # pixels, where a fixed scaling clips u and v
STRAIN_REACH = 0.5  # pixels a pixel, where it clips strain
SOBEL = 8.0  # gain of a 3 x 3 Sobel filter on a ramp of slope 1


def _farneback(cv2: Any, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Floats:
    found: Floats = cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 3, 9, 5, 5, 1.1, 0)
    return found


def _dis(cv2: Any, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> Floats:
    found: Floats = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(a, b, None)
    return found


SOLVERS: dict[str, Callable[[Any, NDArray[np.uint8], NDArray[np.uint8]], Floats]] = {
    "farneback": _farneback,
    "dis": _dis,
}


def flow(a: NDArray[np.uint8], b: NDArray[np.uint8], solver: str = "farneback") -> Floats:
    """Return how far what frame ``a`` shows has moved in ``b``: (2, H, W), u to the right, v down, pixels.

    Equal frames give exactly nothing.

    Args:
        a, b: (H, W) grey, at least 16 pixels a side.
        solver: both OpenCV's. ``"farneback"``, polynomial expansion (Farnebäck, "Two-Frame Motion Estimation
            Based on Polynomial Expansion", SCIA 2003); ``"dis"``, inverse search (Kroeger et al., "Fast
            Optical Flow using Dense Inverse Search", ECCV 2016).

    Raises:
        ConfigError: OpenCV is not installed, or an unknown solver.

    Differs from CD6ME, whose flow is that of Classic+NL-fast, for which MATLAB is needed.
    """
    solve = pick("flow", solver, SOLVERS)
    if np.array_equal(a, b):
        return np.zeros((2, *a.shape), np.float32)
    return np.ascontiguousarray(solve(_opencv(), a, b).transpose(2, 0, 1), np.float32)


def _opencv() -> Any:
    try:
        import cv2
    except ImportError:
        raise ConfigError(
            "optical flow needs OpenCV, which is not installed; expected it wherever action units are "
            "trained or tested: pip install 'isofed[flow]'"
        ) from None
    # clips are spread over threads already, and one thread a clip gives the same bits everywhere
    cv2.setNumThreads(1)
    return cv2


def sobel(x: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return the 3 x 3 Sobel derivative of (H, W) along an axis, zeros beyond the border: 8 on a ramp."""
    padded = np.pad(x, 1)
    across = np.moveaxis(padded, axis, 0)
    slope = across[2:] - across[:-2]
    smooth = slope[:, :-2] + 2 * slope[:, 1:-1] + slope[:, 2:]
    return np.moveaxis(smooth, 0, axis)


def strain(moved: NDArray[Any], form: str = "textbook") -> NDArray[np.float64]:
    """Return optical strain e of a flow, (H, W), by 3 x 3 Sobel derivatives, eight times those per pixel::

        textbook  e = sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2)
        meb       e = sqrt(u_y^2 + v_x^2 + (u_x^2 + v_y^2) / 2)

    Args:
        moved: (2, H, W) u and v.
        form: ``"meb"`` is what the reference implementation of CD6ME computes; there normal and shear
            terms have changed places.

    Raises:
        ConfigError: an unknown form.
    """
    u, v = moved.astype(np.float64)
    normal = sobel(u, 1) ** 2 + sobel(v, 0) ** 2
    if pick("strain", form, dict.fromkeys(STRAINS, form)) == "meb":
        return np.asarray(np.sqrt(sobel(u, 0) ** 2 + sobel(v, 1) ** 2 + normal / 2))
    return np.asarray(np.sqrt(normal + (sobel(u, 0) + sobel(v, 1)) ** 2 / 2))


def picture(moved: Floats, form: str = "textbook", scaling: str = "image") -> Floats:
    """Return what the flow branch sees of a flow, (3, H, W) in 0 to 1.

    Args:
        moved: (2, H, W) u and v, pixels.
        form: see :func:`strain`.
        scaling: ``"image"``, each channel from its least value to its greatest, as CD6ME; magnitude and
            zero are lost, and what does not move at all is all 0. ``"fixed"``, u and v from -3 to 3 pixels, 0
            at 0.5, strain from 0 to a half.

    Raises:
        ConfigError: an unknown word.
    """
    channels = np.stack([*moved.astype(np.float64), strain(moved, form)])
    if pick("scaling", scaling, dict.fromkeys(SCALINGS, scaling)) == "fixed":
        channels[:2] = channels[:2] / (2 * REACH) + 0.5
        channels[2] /= SOBEL * STRAIN_REACH
        return np.clip(channels, 0, 1).astype(np.float32)
    low = channels.min((1, 2), keepdims=True)
    span = channels.max((1, 2), keepdims=True) - low
    return ((channels - low) / np.where(span > 0, span, 1.0)).astype(np.float32)
