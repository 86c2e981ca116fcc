"""Clipping: no client moves the model further than C."""

import numpy as np

from isofed.config import within
from isofed.protocols.step import Step

SHORTER = 1.0 - 2.0**-40


def clip(norm: float) -> Step:
    """Shorten an update that is too long: Δ ← Δ · min(1, C / ‖Δ‖₂).

    ‖Δ‖ is the joint norm, in double precision, of all changes that leave: every parameter's and those of
    further trees such as control variates. Running statistics are no changes and are not clipped.

    Args:
        norm: C in the parameters' own unit, above 0.

    Source: McMahan et al., Learning Differentially Private Recurrent Language Models, 2018, section 2.2
    (flat clipping). Differs from the paper in: C is shortened by 2**-40 of itself, and single precision is
    rounded towards zero, so that no rounding brings what leaves above C.
    """
    within("norm", norm, 1e-9, 1e9)
    return Step(f"clip(norm={norm})", client=lambda update, use: shortened(update, norm), bounds=float(norm))


def shortened(update: np.ndarray, norm: float) -> np.ndarray:
    """Return ``update``, (d,) float64, at no more than this L2 norm; zero stays zero.

    Args:
        norm: above 0.
    """
    largest = float(np.abs(update).max(initial=0.0))
    if largest == 0.0:
        return update
    unit = update / largest  # squares of what is neither tiny nor huge
    length = float(np.sqrt(np.sum(np.square(unit))))
    bound = norm * SHORTER
    return update if largest * length <= bound else unit * (bound / length)
