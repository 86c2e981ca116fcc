"""Where the generator's random numbers come from: any finger and any image can be drawn again alone.

``root = SeedSequence(seed)``; finger i uses ``spawn_key=(i, 0)``, its image j ``spawn_key=(i, 1, j)``.
Nothing depends on what else is drawn, by how many workers, or in which order.
"""

import numpy as np

IDENTITY, SAMPLE = 0, 1
SPAN = 1 << 128  # a negative seed is wrapped around: SeedSequence takes none


def identity_stream(seed: int, finger: int, attempt: int = 0) -> np.random.Generator:
    """Return the generator of what a finger is; each ``attempt`` at its vein pattern has one of its own."""
    key = (finger, IDENTITY) if attempt == 0 else (finger, IDENTITY, attempt)
    return np.random.default_rng(np.random.SeedSequence(seed % SPAN, spawn_key=key))


def sample_stream(seed: int, finger: int, sample: int) -> np.random.Generator:
    """Return the generator of how image ``sample`` (from 1) of a finger was taken."""
    return np.random.default_rng(np.random.SeedSequence(seed % SPAN, spawn_key=(finger, SAMPLE, sample)))
