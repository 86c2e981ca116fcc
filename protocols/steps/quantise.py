"""Rounding to few levels, at random, so that nothing is lost on average."""

import numpy as np

from isofed.config import within
from isofed.errors import ContractError
from isofed.protocols.noise import uniforms
from isofed.protocols.step import INTEGERS, Step, Use


def quantise(bits: int) -> Step:
    """Round every entry x to one of the two levels around it, l ≤ x ≤ l + s: up with probability (x - l) / s.

    The levels are -C, -C + s, …, C with s = C / (2^(b-1) - 1), and zero is one of them. E of what is opened
    is x, and no entry is off by more than s.

    Args:
        bits: b, 2 to 16. Up to 8 travel as one byte an entry, more as two: 8 bits are a quarter of single
            precision, and fewer than 8 save nothing further.

    Source: Suresh et al., Distributed Mean Estimation with Limited Communication, 2017, section 2.2
    (stochastic k-level quantization). Differs from the paper in: levels span [-C, C] instead of an update's
    own smallest and largest entry, which would tell of it, and there are 2^b - 1 of them.
    """
    within("bits", bits, 2, 16)
    most = 2 ** (bits - 1) - 1
    dtype = "uint8" if bits <= 8 else "uint16"

    def rounded(update: np.ndarray, use: Use) -> np.ndarray:
        level = np.clip(update * (most / use.limit), -most, most)
        below = np.floor(level)
        up = uniforms(use.key("rounding"), len(update)) < level - below
        return (below + up + most).astype(dtype)

    def opened(levels: np.ndarray, use: Use) -> np.ndarray:
        if (levels > 2 * most).any():
            raise ContractError(f"an update holds a level above {2 * most}, the highest of {bits} bits")
        return (levels.astype(np.float64) - most) * (use.limit / most)

    return Step(f"quantise(bits={bits})", rounded, opened, gives=INTEGERS, needs_bound=True, wire=dtype)
