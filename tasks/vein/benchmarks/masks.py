"""How well a mask of veins agrees with another: Dice and intersection over union."""

import numpy as np
from numpy.typing import NDArray

from isofed.errors import DataError

Mask = NDArray[np.bool_]


def dice(found: Mask, true: Mask) -> float:
    """Return 2 |A and B| / (|A| + |B|) of two masks of one shape; 1 where both are empty.

    Raises:
        DataError: the shapes differ.
    """
    both, either = _shared(found, true)
    return 2 * both / (both + either) if either else 1.0


def iou(found: Mask, true: Mask) -> float:
    """Return |A and B| / |A or B| of two masks of one shape; 1 where both are empty.

    Raises:
        DataError: the shapes differ.
    """
    both, either = _shared(found, true)
    return both / either if either else 1.0


def _shared(found: Mask, true: Mask) -> tuple[int, int]:
    if found.shape != true.shape:
        raise DataError(f"masks of {found.shape} and {true.shape} cannot be compared; expected one shape")
    return int((found & true).sum()), int((found | true).sum())
