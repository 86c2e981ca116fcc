"""What a hostile site sends instead of its change Δ: each attack on the model as a formula.

Every craft takes a :class:`Sight` and returns (d,) float64. Names: n sites are asked, m of them are hostile;
Δ_i is what site i would have sent; μ, σ are mean and standard deviation of the honest ones, entry by entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

Vector = np.ndarray


@dataclass(frozen=True)
class Sight:
    """What a hostile site knows when it answers.

    Args:
        own: (d,) float64, its own Δ of a buffer; of colluders the mean of theirs.
        honest: (n - m, d) float64, those of the others in the order of their names; where a round asks none
            but hostile sites, their own.
        asked: n, at least 1.
        hostile: m, 1 to n.
        chance: public randomness of this round and site, of colluders the same for all.
    """

    own: Vector
    honest: Vector
    asked: int
    hostile: int
    chance: np.random.Generator


Craft = Callable[[Sight], Vector]


def turned(factor: float) -> Craft:
    """Return Δ' = -s Δ, s = ``factor``.

    Source: Li, Xu, Chen, Giannakis, Ling, "RSA: Byzantine-Robust Stochastic Aggregation Methods for
    Distributed Learning from Heterogeneous Datasets", 2019, the sign-flipping attack. Differs from the paper
    in: what is turned is a round's change, not the message to the master itself.
    """
    return lambda sight: -factor * sight.own


def stretched(factor: float) -> Craft:
    """Return Δ' = γ Δ, γ = ``factor``, or n / m where that is 0, with which a mean becomes theirs.

    Source: Bagdasaryan, Veit, Hua, Estrin, Shmatikov, "How To Backdoor Federated Learning", 2020, eq. 3.
    Differs from the paper in: n / m in the place of n / η, so that several do together what one does there.
    """
    return lambda sight: (factor or sight.asked / sight.hostile) * sight.own


def noisy(deviation: float) -> Craft:
    """Return Δ' ~ N(0, σ² I), σ = ``deviation``.

    Source: Blanchard, El Mhamdi, Guerraoui, Stainer, "Machine Learning with Adversaries: Byzantine Tolerant
    Gradient Descent", 2017, section 6, the Gaussian attack with σ = 200.
    """
    return lambda sight: deviation * sight.chance.standard_normal(len(sight.own))


def filled(value: float, entries: int) -> Craft:
    """Return Δ with NaN or infinity in ``entries`` places, drawn in public; in all where that is 0."""

    def craft(sight: Sight) -> Vector:
        found, count = sight.own.copy(), len(sight.own)
        found[sight.chance.choice(count, min(entries or count, count), replace=False)] = value
        return found

    return craft


def against(factor: float) -> Craft:
    """Return Δ' = -ε μ, ε = ``factor``: the inner product with the honest mean is negative.

    Source: Xie, Koyejo, Gupta, "Fall of Empires: Breaking Byzantine-tolerant SGD by Inner Product
    Manipulation", 2020.
    """
    return lambda sight: -factor * sight.honest.mean(axis=0)


def little(deviations: float) -> Craft:
    """Return Δ' = μ - z σ, z = ``deviations``, or where that is 0 the paper's z_max.

    z_max = Φ⁻¹((n - m - s) / (n - m)), s = floor(n / 2 + 1) - m: so many honest sites lie farther out.

    Source: Baruch, Baruch, Goldberg, "A Little Is Enough: Circumventing Defenses For Distributed Learning",
    2019, algorithm 3. Differs from the paper in: μ and σ are those of the honest sites, which its attackers
    estimate from their own; z_max below 0 counts as 0.
    """

    def craft(sight: Sight) -> Vector:
        z = deviations or least_seen(sight.asked, sight.hostile)
        found: Vector = sight.honest.mean(axis=0) - z * sight.honest.std(axis=0)
        return found

    return craft


def least_seen(asked: int, hostile: int) -> float:
    """Return z_max of n and m, see :func:`little`.

    Example:
        >>> round(least_seen(50, 12), 2)
        0.34
    """
    honest = max(asked - hostile, 1)
    share = (honest - (asked // 2 + 1 - hostile)) / honest
    return max(NormalDist().inv_cdf(min(max(share, 1e-9), 1 - 1e-9)), 0.0)
