"""What all steps have alike that add noise to the sum of all updates at the server."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from isofed.protocols.step import Half, Promise, Step, Use
from isofed.protocols.steps.clip import shortened


def noisy_sum(
    call: str,
    total: Half,
    promise: Promise,
    keep: Callable[[np.ndarray, Use], Mapping[str, Any]] | None = None,
) -> Step:
    """Return a step that clips each update once more at the server and adds noise to the sum.

    What comes off the wire may be longer than C, by rounding or because a site lied, so that the sum is as
    sensitive as is promised only if the server shortens it.

    Args:
        call, total, promise, keep: see :class:`~isofed.protocols.step.Step`.
    """
    return Step(
        call,
        server=lambda update, use: shortened(update.astype(np.float64), use.limit),
        total=total,
        needs_bound=True,
        needs_sums=True,
        needs_equal_weights=True,
        hides=True,
        keep=keep,
        promise=promise,
    )
