"""Rules that choose sites by how far each is from its nearest neighbours: Krum and what is built on it."""

from collections.abc import Sequence

import numpy as np

from isofed.config import within
from isofed.strategies.robust.coordinates import around_median, middle
from isofed.strategies.robust.geometry import Geometry
from isofed.strategies.robust.rule import MOST, GatheringRule, Verdict
from isofed.strategies.robust.updates import Updates

NEIGHBOURS = -1  # for m: as many as Krum counts neighbours


def scores(squares: np.ndarray, f: int) -> np.ndarray:
    """Return s(i) = Σ ‖x_i - x_j‖² over the n - f - 2 nearest other x_j, (n,).

    Args:
        squares: squared distances (n, n).
        f: sites that may be faulty; at least one neighbour is counted, if there is one.
    """
    count = len(squares)
    others = squares.copy()
    np.fill_diagonal(others, np.inf)
    others.sort(axis=1)
    near = min(max(count - f - 2, 1), count - 1)
    return others[:, :near].sum(axis=1)


def best(squares: np.ndarray, f: int, m: int) -> list[int]:
    """Return the m sites of the least scores; of two alike, who comes first by name."""
    return np.argsort(scores(squares, f), kind="stable")[:m].tolist()


def one_by_one(squares: np.ndarray, f: int, m: int) -> list[int]:
    """Return m sites: Krum's choice, then Krum's among the others, and so on."""
    left, chosen = list(range(len(squares))), list[int]()
    while len(chosen) < m:
        (place,) = best(squares[np.ix_(left, left)], f, 1)
        chosen.append(left.pop(place))
    return sorted(chosen)


def krum_bound(count: int) -> int:
    """Return the greatest f with n ≥ 2f + 3."""
    return (count - 3) // 2


def bulyan_bound(count: int) -> int:
    """Return the greatest f with n ≥ 4f + 3."""
    return (count - 3) // 4


def krum(f: int = MOST) -> GatheringRule:
    """Δ = Δ_i* with i* = argmin_i Σ ‖Δ_i - Δ_j‖² over the n - f - 2 nearest j: one site's change.

    Distances are between changes, in float64. Of two sites alike, who comes first by name is chosen.

    Args:
        f: sites that may be faulty, n ≥ 2f + 3; -1 for as many as that allows.

    Source: Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS
    2017, section 4 and proposition 4.2.
    """
    return _krum(f"krum(f={f})", f, 1)


def multi_krum(f: int = MOST, m: int = NEIGHBOURS) -> GatheringRule:
    """Δ = (1 / m) Σ Δ_i over the m sites with Krum's least scores.

    Args:
        f: as in :func:`krum`.
        m: at least 1, at most the n - f that are honest; -1 for n - f - 2, as many as a score has neighbours.

    Source: as :func:`krum`, section 6, which leaves m open.
    """
    within("m", m, NEIGHBOURS, 1e6)
    within("m", abs(m), 1, 1e6)
    return _krum(f"multi_krum(f={f}, m={m})", f, m)


def _krum(call: str, f: int, m: int) -> GatheringRule:
    def judge(updates: Updates, f: int) -> Verdict:
        count, squares = updates.count, _between_sites(updates)
        wanted = count - f - 2 if m == NEIGHBOURS else m
        chosen = best(squares, f, max(min(wanted, count - f), 1))
        return Verdict(f, range(count), _ones(count, chosen), float(len(chosen)))

    return GatheringRule(call, judge, middle, krum_bound, "n ≥ 2f + 3 sites", f)


def bulyan(f: int = MOST) -> GatheringRule:
    """Δ_j = mean of the θ - 2f values nearest to the median, of θ = n - 2f sites that Krum chooses in turn.

    Args:
        f: sites that may be faulty, n ≥ 4f + 3; -1 for as many as that allows.

    Source: El Mhamdi et al., The Hidden Vulnerability of Distributed Learning in Byzantium, ICML 2018,
    section 4. Where few sites are left to choose from, Krum counts one neighbour at least.
    """

    def judge(updates: Updates, f: int) -> Verdict:
        return Verdict(f, one_by_one(_between_sites(updates), f, updates.count - 2 * f))

    return GatheringRule(f"bulyan(f={f})", judge, around_median, bulyan_bound, "n ≥ 4f + 3 sites", f)


def _between_sites(updates: Updates) -> np.ndarray:
    return Geometry.of(updates).squares[: updates.count, : updates.count]


def _ones(count: int, chosen: Sequence[int]) -> np.ndarray:
    weights = np.zeros(count)
    weights[list(chosen)] = 1.0
    return weights
