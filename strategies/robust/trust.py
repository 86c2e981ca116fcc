"""A rule with a root of trust: sites count as far as they go the way of the server's own change."""

import numpy as np

from isofed.strategies.robust.coordinates import middle
from isofed.strategies.robust.geometry import Geometry
from isofed.strategies.robust.rule import GatheringRule, Verdict
from isofed.strategies.robust.updates import Updates


def fltrust() -> GatheringRule:
    """Δ = Σ TS_i (‖Δ_0‖ / ‖Δ_i‖) Δ_i / Σ TS_i, TS_i = max(0, cos(Δ_i, Δ_0)).

    Δ_0 is the server's own change, so that Δ is never longer than it. Any number of sites may be faulty;
    where none goes its way at all, the model stays.

    Source: Cao et al., FLTrust: Byzantine-robust Federated Learning via Trust Bootstrapping, NDSS 2021, eq. 2
    to 4.
    """

    def judge(updates: Updates, f: int) -> Verdict:
        seen, root = Geometry.from_model(updates), updates.count
        away, along = np.sqrt(seen.squares[seen.model, : root + 1]), seen.products[root, :root]
        with np.errstate(divide="ignore", invalid="ignore"):
            trust = np.maximum(along / (away[:root] * away[root]), 0.0)
            weights = trust * away[root] / away[:root]
        near = np.isfinite(away[:root]) & (away[:root] > 0)
        trust, weights = np.where(near, trust, 0.0), np.where(near, weights, 0.0)
        if not away[root] or not trust.sum():
            return Verdict(f, range(root), np.zeros(root))
        return Verdict(f, range(root), weights, float(trust.sum()))

    return GatheringRule("fltrust", judge, middle, lambda count: count - 1, "one site", rooted=True)
