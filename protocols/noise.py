"""Numbers that nobody else can foretell: a stream cipher's, and the normal ones made of them.

NumPy's generators are no ciphers: who sees some of their numbers can find the rest, and noise that can be
found can be taken off again.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 2**20  # numbers made at a time, so that beside the result only a few MiB are held


def uniforms(key: bytes, count: int) -> np.ndarray:
    """Return (count,) float64 in [0, 1), each of the 2**53 multiples of 2**-53 as likely.

    They are the 53 upper bits of 64-bit words of AES-256 in counter mode.

    Args:
        key: 32 bytes for this one use, as :meth:`isofed.seeds.Secrets.derive` gives them.
        count: at least 0.
    """
    # a key serves once, so the counter may always begin at zero
    stream = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()
    made = np.empty(count)
    for start in range(0, count, BLOCK):
        part = made[start : start + BLOCK]
        words = np.frombuffer(stream.update(bytes(8 * len(part))), "<u8")
        part[:] = (words >> np.uint64(11)) * 2.0**-53
    return made


def normals(key: bytes, count: int) -> np.ndarray:
    """Return (count,) float64, independent, standard normal: √(-2 ln(1 - u)) · cos 2πv, and sin 2πv.

    Limit: they have the gaps of double precision, from which, in theory, a sum can tell more than real noise
    would let it (Mironov, On Significance of the Least Significant Bits for Differential Privacy, 2012).

    Args:
        key, count: as in :func:`uniforms`.

    Source: Box and Muller, A Note on the Generation of Random Normal Deviates, 1958.
    """
    drawn = uniforms(key, count + count % 2).reshape(-1, 2)
    radius, angle = np.sqrt(-2.0 * np.log1p(-drawn[:, 0])), 2.0 * np.pi * drawn[:, 1]
    drawn[:, 0], drawn[:, 1] = radius * np.cos(angle), radius * np.sin(angle)
    return drawn.reshape(-1)[:count]
