"""Rules that pull a sum towards the middle of the sites: all count, the less the farther off they are."""

import numpy as np

from isofed.config import within
from isofed.strategies.robust.coordinates import HALF, middle
from isofed.strategies.robust.geometry import Geometry
from isofed.strategies.robust.rule import GatheringRule, Verdict, below_half
from isofed.strategies.robust.updates import Updates

STILL = 1e-12  # of a sum's shares: a step that moves them no further is the last


def rfa(nu: float = 1e-6, iterations: int = 1000) -> GatheringRule:
    """The geometric median, argmin_v Σ ‖v - Δ_i‖: v ← Σ β_i Δ_i / Σ β_i, β_i = 1 / max(ν, ‖v - Δ_i‖).

    The steps go on until v moves no more: they are taken on the sites' inner products and cost nothing.

    Args:
        nu: ν above 0, under which a distance counts as ν.
        iterations: the most steps, at least 1.

    Source: Pillutla et al., Robust Aggregation for Federated Learning, IEEE Transactions on Signal Processing
    2022, algorithm 2 (smoothed Weiszfeld). There sites weigh by examples, and steps are few because each is
    a secure sum; here all weigh alike, and v begins at the mean of that half of the sites that is nearest to
    the one in their middle.
    """
    within("nu", nu, 1e-300, 1e300)
    within("iterations", iterations, 1, 1e6)

    def judge(updates: Updates, f: int) -> Verdict:
        seen = Geometry.of(updates)
        return Verdict(f, range(updates.count), weiszfeld(seen, nu, iterations)[: updates.count])

    call = f"rfa(nu={nu}, iterations={iterations})"
    return GatheringRule(call, judge, middle, below_half, HALF)


def weiszfeld(seen: Geometry, nu: float, iterations: int) -> np.ndarray:
    """Return the shares c, (p,), of the sum Σ c_i x_i at which the smoothed Weiszfeld steps end."""
    near = seen.squares[seen.middle, : seen.count]
    shares = np.zeros(len(seen.products))
    # not one site: from a place where a site is, the steps hardly move
    shares[: seen.count][near <= np.median(near)] = 1.0
    shares /= shares.sum()
    for _ in range(iterations):
        pull = 1.0 / np.maximum(seen.from_sum(shares), nu)
        pull[seen.count :] = 0.0
        before, shares = shares, pull / pull.sum()
        if np.abs(shares - before).max() < STILL:
            break
    return shares


def centred_clipping(tau: float = 0.0, iterations: int = 3) -> GatheringRule:
    """v ← v + (1 / n) Σ (Δ_i - v) min(1, τ / ‖Δ_i - v‖), from v = 0, the model as it was sent.

    Args:
        tau: τ, above 0; 0 for the median of ‖Δ_i - v‖ at each step.
        iterations: l, steps, at least 1.

    Source: Karimireddy et al., Learning from History for Byzantine Robust Optimization, ICML 2021, section 5,
    eq. CC. There v begins at the last round's direction and sites send momentum; here each round stands for
    itself. The paper takes one τ for a run; a median needs none.
    """
    within("tau", tau, 0.0, 1e300)
    within("iterations", iterations, 1, 1e6)

    def judge(updates: Updates, f: int) -> Verdict:
        seen = Geometry.of(updates)
        return Verdict(f, range(updates.count), clipped(seen, tau, iterations)[: updates.count])

    call = f"centred_clipping(tau={tau}, iterations={iterations})"
    return GatheringRule(call, judge, middle, below_half, HALF)


def clipped(seen: Geometry, tau: float, iterations: int) -> np.ndarray:
    """Return the shares c, (p,), of v = Σ c_i x_i after the steps; the rest is the model's own, x_p = 0."""
    count = seen.count
    shares = np.eye(len(seen.products))[seen.model]
    for _ in range(iterations):
        scale = _within_reach(seen.from_sum(shares)[:count], tau)
        shares = shares * (1.0 - scale.mean())
        shares[:count] += scale / count
    return shares


def norm_bounding(norm: float = 0.0) -> GatheringRule:
    """Δ = (1 / n) Σ Δ_i min(1, M / ‖Δ_i‖): no site goes farther than M.

    It bounds how far a site can pull, not where to: f sites move the mean by up to f M / n.

    Args:
        norm: M, above 0; 0 for the median of the round's ‖Δ_i‖.

    Source: Sun et al., Can You Really Backdoor Federated Learning?, 2019, section 4, norm thresholding. A
    threshold from the median of the round is ours.
    """
    within("norm", norm, 0.0, 1e300)

    def judge(updates: Updates, f: int) -> Verdict:
        seen = Geometry.of(updates)
        away = np.sqrt(seen.squares[seen.model, : updates.count])
        return Verdict(f, range(updates.count), _within_reach(away, norm), float(updates.count))

    return GatheringRule(f"norm_bounding(norm={norm})", judge, middle, below_half, HALF)


def _within_reach(away: np.ndarray, reach: float) -> np.ndarray:
    """Return min(1, reach / distance), (n,), 0 for what is infinitely far; reach 0 is the median distance."""
    limit, near = reach or float(np.median(away)), np.isfinite(away)
    scale = np.minimum(1.0, limit / np.where(near, np.maximum(away, 1e-300), 1.0))
    return np.where(near, scale, 0.0)
