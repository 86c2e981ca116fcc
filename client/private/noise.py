"""A step's noise: as many normal numbers as the model has, at once, from a stream cipher."""

import math

import torch
from torch import Tensor

from isofed.protocols.noise import uniforms

BLOCK = 2**16  # numbers made at a time, which stay in a processor's cache


def normals(key: bytes, count: int) -> Tensor:
    """Return (count,) float64, independent, standard normal: √(-2 ln(1 - u)) · cos 2πv, then · sin 2πv.

    Of every block of 65536 the first half are cosines and the second the sines beside them.

    Args:
        key: 32 bytes for this one use.
        count: at least 0.

    Source: Box and Muller, A Note on the Generation of Random Normal Deviates, 1958. The limit of double
    precision that :func:`isofed.protocols.noise.normals` names holds here, too.
    """
    whole = -(-count // BLOCK) * BLOCK if count > BLOCK else count + count % 2
    drawn = torch.from_numpy(uniforms(key, whole))
    for block in drawn.split(BLOCK):
        half = len(block) // 2
        radius = block[:half].neg_().log1p_().mul_(-2.0).sqrt_()
        angle = block[half:].mul_(2.0 * math.pi)
        sines = angle.sin().mul_(radius)
        radius.mul_(angle.cos_())
        block[half:] = sines
    return drawn[:count]
