"""Every robust rule a second time: slow, on whole vectors in float64, as its paper writes it.

X is (n, d), a change in each row; every function returns the direction, (d,).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from isofed.strategies.robust.coordinates import median, trimmed_mean
from isofed.strategies.robust.distances import centred_clipping, norm_bounding, rfa
from isofed.strategies.robust.rule import GatheringRule
from isofed.strategies.robust.selection import bulyan, krum, multi_krum
from isofed.strategies.robust.updates import Columns, Updates

Vectors = np.ndarray


def updates_of(changes: Vectors, root: Vectors | None = None) -> Updates:
    """Return changes (n, d) as a rule is given them, perhaps the server's own (d,) after them."""
    rows = changes if root is None else np.concatenate([changes, root[None]])

    def read(part: slice, chosen: Any, into: Vectors) -> None:
        into[...] = rows[chosen, part]

    where = None if root is None else len(changes)
    return Updates(len(changes), {"float64": Columns(changes.shape[1], read)}, where)


def direction(rule: GatheringRule, changes: Vectors, root: Vectors | None = None) -> Vectors:
    """Return what a rule makes of changes (n, d)."""
    updates = updates_of(changes, root)
    return rule.along(updates.buffers["float64"], rule.judged(updates))


def krum_scores(x: Vectors, f: int) -> list[float]:
    """s(i), the sum over the n - f - 2 nearest of ‖x_i - x_j‖²; one neighbour at least."""
    n, found = len(x), []
    for i in range(n):
        away = sorted(float(((x[i] - x[j]) ** 2).sum()) for j in range(n) if j != i)
        found.append(sum(away[: max(n - f - 2, 1)]))
    return found


def slow_krum(x: Vectors, f: int) -> Vectors:
    """The change of the least score."""
    found = krum_scores(x, f)
    return x[found.index(min(found))]


def slow_multi_krum(x: Vectors, f: int, m: int) -> Vectors:
    """The mean of the m changes of the least scores."""
    found = krum_scores(x, f)
    chosen = sorted(range(len(x)), key=lambda i: (found[i], i))[:m]
    return sum(x[i] for i in chosen) / m


def slow_bulyan(x: Vectors, f: int) -> Vectors:
    """Krum's choice moves from the received set into the selected one, n - 2f times; then by coordinate."""
    received, selected = [*x], []
    while len(selected) < len(x) - 2 * f:
        found = krum_scores(np.array(received), f)
        selected.append(received.pop(found.index(min(found))))
    out = np.empty(x.shape[1])
    for j in range(x.shape[1]):
        values = sorted(float(s[j]) for s in selected)
        centre = float(np.median(values))
        near = sorted(values, key=lambda v: (abs(v - centre), v))[: len(values) - 2 * f]
        out[j] = sum(near) / len(near)
    return out


def slow_trimmed_mean(x: Vectors, f: int) -> Vectors:
    """The mean of each coordinate without its f least and f greatest."""
    return np.array([np.mean(sorted(column)[f : len(column) - f]) for column in x.T])


def slow_median(x: Vectors, f: int = 0) -> Vectors:
    """The median of each coordinate."""
    return np.array([np.median(column) for column in x.T])


def in_the_middle(x: Vectors) -> Vectors:
    """The mean of the half that is nearest to the change with the least median distance to all."""
    away = np.array([[np.linalg.norm(a - b) for b in x] for a in x])
    middle = int(np.argmin(np.median(away, axis=1)))
    return x[away[middle] <= np.median(away[middle])].mean(axis=0)


def slow_rfa(x: Vectors, nu: float, iterations: int) -> Vectors:
    """Smoothed Weiszfeld steps on whole vectors."""
    v = in_the_middle(x)
    for _ in range(iterations):
        beta = np.array([1.0 / max(nu, float(np.linalg.norm(v - each))) for each in x])
        v = (beta[:, None] * x).sum(axis=0) / beta.sum()
    return v


def slow_centred_clipping(x: Vectors, tau: float, iterations: int) -> Vectors:
    """Steps towards all changes, each clipped at τ."""
    v = np.zeros(x.shape[1])
    for _ in range(iterations):
        away = [float(np.linalg.norm(each - v)) for each in x]
        reach = tau or float(np.median(away))
        v = v + sum(
            (each - v) * min(1.0, reach / a if a else 1.0) for each, a in zip(x, away, strict=True)
        ) / len(x)
    return v


def slow_norm_bounding(x: Vectors, norm: float) -> Vectors:
    """The mean of changes none longer than M."""
    reach = norm or float(np.median([np.linalg.norm(each) for each in x]))
    return sum(each * min(1.0, reach / max(float(np.linalg.norm(each)), 1e-300)) for each in x) / len(x)


def slow_fltrust(x: Vectors, root: Vectors) -> Vectors:
    """The mean of all changes at the length of the server's own, weighed by how far they go its way."""
    trust = [max(0.0, float(each @ root) / float(np.linalg.norm(each) * np.linalg.norm(root))) for each in x]
    scaled = [each * np.linalg.norm(root) / np.linalg.norm(each) for each in x]
    return np.asarray(sum(t * s for t, s in zip(trust, scaled, strict=True)) / sum(trust))


RULES: dict[str, tuple[Callable[[int], GatheringRule], Callable[[Vectors, int], Vectors]]] = {
    "krum": (krum, slow_krum),
    "multi_krum": (multi_krum, lambda x, f: slow_multi_krum(x, f, max(len(x) - f - 2, 1))),
    "bulyan": (bulyan, slow_bulyan),
    "trimmed_mean": (trimmed_mean, slow_trimmed_mean),
    "median": (lambda f: median, slow_median),
    "rfa": (lambda f: rfa(1e-6, 50), lambda x, f: slow_rfa(x, 1e-6, 50)),
    "centred_clipping": (lambda f: centred_clipping(0.0, 5), lambda x, f: slow_centred_clipping(x, 0.0, 5)),
    "centred_clipping, tau": (
        lambda f: centred_clipping(0.7, 3),
        lambda x, f: slow_centred_clipping(x, 0.7, 3),
    ),
    "norm_bounding": (lambda f: norm_bounding(), lambda x, f: slow_norm_bounding(x, 0.0)),
    "norm_bounding, M": (lambda f: norm_bounding(0.5), lambda x, f: slow_norm_bounding(x, 0.5)),
}
"""By name, from f to the rule, and its oracle of (changes, f)."""

__all__ = ["RULES", "direction", "in_the_middle", "krum_scores", "slow_fltrust", "updates_of"]
