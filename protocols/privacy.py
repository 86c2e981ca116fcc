"""The named privacy pipelines: what ``privacy=`` can be."""

from collections.abc import Callable

from isofed.protocols.pipeline import Pipeline
from isofed.protocols.steps.clip import clip
from isofed.protocols.steps.gaussian import gaussian
from isofed.protocols.steps.quantise import quantise
from isofed.protocols.steps.top_k import top_k


def none() -> Pipeline:
    """Send updates as they are."""
    return Pipeline()


def clipped(norm: float = 1.0) -> Pipeline:
    """Clip every update to a norm.

    Args:
        norm: C, above 0; see :func:`~isofed.protocols.steps.clip.clip`.
    """
    return Pipeline((clip(norm),))


def noisy(norm: float = 1.0, noise: float = 1.0) -> Pipeline:
    """Clip every update, and add Gaussian noise to their sum at the server.

    Args:
        norm: C, above 0.
        noise: z, above 0; the noise's standard deviation is z·C. See
            :func:`~isofed.protocols.steps.gaussian.gaussian`.
    """
    return Pipeline((clip(norm), gaussian(noise)))


def quantised(norm: float = 1.0, bits: int = 8) -> Pipeline:
    """Clip every update, and round it at random to few levels, which travel as integers.

    Args:
        norm: C, above 0.
        bits: b, 2 to 16; see :func:`~isofed.protocols.steps.quantise.quantise`.
    """
    return Pipeline((clip(norm), quantise(bits)))


def noisy_quantised(norm: float = 1.0, noise: float = 1.0, bits: int = 16) -> Pipeline:
    """Clip every update, round it to few levels, hold it to the norm again, and add noise to the sum.

    Rounding makes an update longer, by up to s·√d; the server so clips once more, and of coarse levels on
    many parameters little is left.

    Args:
        norm, noise: as in :func:`noisy`.
        bits: as in :func:`quantised`.
    """
    return Pipeline((clip(norm), gaussian(noise), quantise(bits)))


def sparse(fraction: float = 0.1, norm: float | None = None) -> Pipeline:
    """Send the largest entries of every update alone.

    Args:
        fraction: p, above 0 and at most 1; see :func:`~isofed.protocols.steps.top_k.top_k`.
        norm: C, to which what is left is clipped, or None.
    """
    return Pipeline((top_k(fraction),) if norm is None else (top_k(fraction), clip(norm)))


def sparse_quantised(fraction: float = 0.1, norm: float = 1.0, bits: int = 8) -> Pipeline:
    """Send the largest entries of every update alone, clipped and rounded to few levels.

    Args:
        fraction: as in :func:`sparse`.
        norm, bits: as in :func:`quantised`.
    """
    return Pipeline((top_k(fraction), clip(norm), quantise(bits)))


PRIVACY: dict[str, Callable[..., Pipeline]] = {
    "none": none,
    "clip": clipped,
    "gaussian": noisy,
    "quantise": quantised,
    "gaussian_quantise": noisy_quantised,
    "top_k": sparse,
    "top_k_quantise": sparse_quantised,
}
