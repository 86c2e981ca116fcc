"""Rules entry by entry: each coordinate of the model is made of the sites' values of that one alone."""

import numpy as np

from isofed.strategies.robust.rule import MOST, GatheringRule, below_half, everybody

HALF = "n ≥ 2f + 1 sites"


def middle(values: np.ndarray, f: int) -> np.ndarray:
    """Return the median of each row of ascending values (b, m): of an even number, the mean of the two."""
    count = values.shape[1]
    return (values[:, (count - 1) // 2] + values[:, count // 2]) / 2.0


def trimmed(values: np.ndarray, f: int) -> np.ndarray:
    """Return the mean of each row of ascending values (b, m) without its f least and f greatest."""
    return values[:, f : values.shape[1] - f].mean(axis=1)


def around_median(values: np.ndarray, f: int) -> np.ndarray:
    """Return the mean of the m - 2f values nearest to the median of each row of ascending ones (b, m).

    Of two equally near ones the smaller counts as nearer.
    """
    kept = values.shape[1] - 2 * f
    away = np.abs(values - middle(values, f)[:, None])
    # the nearest stand side by side: their window begins behind the last one that it loses to a nearer one
    lost = away[:, kept:] < away[:, : 2 * f]
    start = (lost * np.arange(1, 2 * f + 1)).max(axis=1, initial=0)
    window = start[:, None] + np.arange(kept)[None, :]
    return np.take_along_axis(values, window, axis=1).mean(axis=1)


median = GatheringRule("median", everybody, middle, below_half, HALF)
"""Δ_j = median of Δ_1j .. Δ_nj, by coordinate j (Yin et al. 2018, definition 1); n ≥ 2f + 1.

For an even n the mean of the two in the middle. Every coordinate lies between two honest values.
"""


def trimmed_mean(f: int = MOST) -> GatheringRule:
    """Δ_j = mean of Δ_1j .. Δ_nj without the f least and the f greatest, by coordinate j.

    Every coordinate lies between two honest values. f = 0 is the uniform mean.

    Args:
        f: sites that may be faulty, βn in the paper: n ≥ 2f + 1; -1 for as many as that allows.

    Source: Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018,
    definition 2.
    """
    call = f"trimmed_mean(f={f})"
    return GatheringRule(call, everybody, trimmed, below_half, HALF, f)
