"""Gaussian noise on the sum of all updates, drawn once by the server."""

import hashlib

import numpy as np

from isofed.config import within
from isofed.protocols.noise import normals
from isofed.protocols.step import Promise, Step, Use
from isofed.protocols.steps.noisy_sum import noisy_sum


def gaussian(noise: float, delta: float = 1e-5, sampling: str = "public") -> Step:
    """Add noise to the round's sum of updates, once: Σ Δ_i + N(0, z² C² I).

    That is before the sum is divided and before the server optimiser's step. The server adds it, so that
    sites must trust the server. It also holds every update to C once more, whatever a step behind this one,
    or a site, made of it. What is not covered and leaves as it is: the public numbers of a report
    (examples, steps, loss), and who took part. How well a site is hidden is computed by
    :func:`isofed.protocols.accounts.sites.spends`.

    Args:
        noise: z, the noise multiplier, standard deviation of the noise in units of C; above 0.
        delta, sampling: see :class:`~isofed.protocols.step.Promise`.

    Source: McMahan et al., Learning Differentially Private Recurrent Language Models, 2018, algorithm 1, with
    equal weights and C as sensitivity of the sum. Differs from the paper in: the sum is divided by the
    clients heard and not by those expected, but where these are drawn in secret.
    """
    within("noise", noise, 1e-9, 1e9)

    def noisy(total: np.ndarray, use: Use) -> np.ndarray:
        # the same sum has the same noise, so that a server that crashed goes on with the same bits; another
        # sum in the same attempt has other noise, or the difference of the two would be free of any
        key = use.key(f"noise on {hashlib.sha256(total.tobytes()).hexdigest()}")
        return total + noise * use.limit * normals(key, len(total))

    call = f"gaussian(noise={noise}{'' if sampling == 'public' else f', sampling={sampling}'})"
    return noisy_sum(call, noisy, Promise("gaussian", noise, delta, sampling))
