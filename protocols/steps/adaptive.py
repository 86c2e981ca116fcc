"""A clipping bound that follows the updates: adaptive clipping."""

import hashlib
import math

import numpy as np

from isofed.config import within
from isofed.protocols.noise import normals
from isofed.protocols.step import Promise, Step, Use

BIT = "norm_bit"


def adaptive(
    norm: float, quantile: float, rate: float, counts: float, delta: float = 1e-5, sampling: str = "public"
) -> Step:
    """Let C follow a quantile of the updates' norms: C ← C · exp(-η (b - γ)).

    b is the noised share of updates that were no longer than C: (Σ (b_i - 1/2) + N(0, σ²)) / n + 1/2, with
    b_i ∈ {0, 1} of n sites, so that one site moves the sum by a half and its noise multiplier is 2σ. Updates
    travel unclipped; the server, which has to be trusted with their sum, looks at each one's norm and clips.

    Args:
        norm: C of the first round, above 0.
        quantile: γ, the share of updates to be left unclipped, 0 to 1.
        rate: η, how fast C moves, above 0 to 10.
        counts: σ, standard deviation of the noise on the count, above 0.
        delta, sampling: see :class:`~isofed.protocols.step.Promise`.

    Source: Andrew et al., Differentially Private Learning with Adaptive Clipping, 2021, algorithm 1 and
    section 2.2 (geometric updates). Differs from the paper in: the server clips and counts, so that no site
    can lie about its bit; n is the number of sites heard, or expected where they are drawn in secret.
    """
    within("norm", norm, 1e-9, 1e9)
    within("quantile", quantile, 0.0, 1.0)
    within("rate", rate, 1e-9, 10.0)
    within("counts", counts, 1e-9, 1e9)

    def moved(total: np.ndarray, use: Use) -> dict[str, float]:
        sites, short = use.heard["sites"], use.heard[BIT]
        # as for noise on sums: the same count of the same sum has the same noise, another one another
        key = use.key(f"noise on {short} of {hashlib.sha256(total.tobytes()).hexdigest()}")
        share = (short - sites / 2 + counts * float(normals(key, 1)[0])) / max(sites, 1.0) + 0.5
        step = math.exp(-rate * (share - quantile))
        return {"bound": min(max(use.limit * step, 1e-9), 1e9)}

    return Step(
        f"adaptive(norm={norm}, quantile={quantile}, rate={rate}, counts={counts})",
        bounds=float(norm),
        note=lambda update, use: {BIT: float(_length(update) <= use.limit)},
        keep=moved,
        promise=Promise("gaussian", 2.0 * counts, delta, sampling),
        settles=False,
    )


def _length(update: np.ndarray) -> float:
    return float(np.linalg.norm(update.astype(np.float64)))


def share_of(noise: float, counts: float) -> float:
    """Return the updates' noise multiplier that with a count's makes z of both: (z⁻² - (2σ)⁻²)^(-1/2).

    Args:
        noise: z of both together.
        counts: σ, above z / 2.

    Source: Andrew et al., 2021, theorem 1.
    """
    within("counts", counts, 0.5 * noise * (1 + 1e-6), 1e9)
    return float((noise**-2 - (2.0 * counts) ** -2) ** -0.5)
