"""Linear rules: from reports to one direction, by sums alone.

A linear rule is a factor from a client's own public numbers, sums of public numbers, and one common
factor: direction = Σ_i factor_i · Δ_i / common(Σ numbers). Because it needs only sums it streams, O(d)
memory whatever the number of clients, and it works under secure aggregation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from isofed.config import within
from isofed.errors import DataError
from isofed.suggest import pick

Numbers = Mapping[str, float]


def full_batches(images: int, batch: int) -> int:
    """Return the images rounded down to whole batches: floor(N / B) · B.

    Raises:
        DataError: there is not one whole batch, so the update would weigh nothing.
    """
    if images < batch:
        raise DataError(f"a site holds {images} images, less than a batch of {batch}; use count=images")
    return images // batch * batch


COUNTS: Mapping[str, Callable[[int, int], int]] = {
    "images": lambda images, batch: images,
    "full_batches": full_batches,
}
"""From a site's images N and batch size B to the examples its update stands for."""


@dataclass(frozen=True)
class LinearRule:
    """A rule that needs only sums.

    Args:
        call: the call that made it.
        factor: a client's factor from its own numbers (``examples``, ``steps``) and from ``staleness``, which
            the server knows: how many of its steps it took since the one from whose model the client began.
        sums: the numbers that are summed over clients.
        common: one divisor for all, from those sums; divided by, because n·Δ / n is Δ to the last bit and
            (1 / n)·n·Δ is not.
        needs: numbers beside ``examples``, ``steps`` and ``loss`` that a client must report.
        equal: whether every client's factor is 1, whatever its numbers: what noise on the sum asks for.
    """

    call: str
    factor: Callable[[Numbers], float] = field(repr=False)
    sums: Callable[[Numbers], Numbers] = field(repr=False)
    common: Callable[[Numbers], float] = field(repr=False)
    needs: tuple[str, ...] = ()
    equal: bool = False


weighted_mean = LinearRule(
    "weighted_mean",
    factor=lambda own: own["examples"],
    sums=lambda own: {"examples": own["examples"]},
    common=lambda total: total["examples"],
)
"""Σ n_i Δ_i / Σ n_i, with n_i a client's examples (McMahan et al. 2017, algorithm 1)."""

uniform_mean = LinearRule(
    "uniform_mean",
    factor=lambda own: 1.0,
    sums=lambda own: {"clients": 1.0},
    common=lambda total: total["clients"],
    equal=True,
)
"""Σ Δ_i / k over the k clients of the round."""

MEANS: Mapping[str, LinearRule] = {"examples": weighted_mean, "equal": uniform_mean}


def mean(weights: str) -> LinearRule:
    """Return the mean whose weights are the sites' ``examples``, or ``equal``."""
    return pick("weights", weights, MEANS)


normalised_mean = LinearRule(
    "normalised_mean",
    factor=lambda own: own["examples"] / own["normaliser"],
    sums=lambda own: {"examples": own["examples"], "reach": own["examples"] * own["normaliser"]},
    common=lambda total: total["examples"] ** 2 / total["reach"],
    needs=("normaliser",),
)
"""τ_eff Σ p_i Δ_i / a_i with p_i = n_i / Σ n and τ_eff = Σ p_i a_i (Wang et al., FedNova, 2020, eq. 8 and 9).

Written with sums alone: (Σ n_i a_i / (Σ n_i)²) Σ (n_i / a_i) Δ_i.
"""

distance_mean = LinearRule(
    "distance_mean",
    factor=lambda own: own["distance"],
    sums=lambda own: {"distance": own["distance"]},
    common=lambda total: total["distance"] or 1.0,
    needs=("distance",),
)
"""Σ d_i Δ_i / Σ d_i, d_i being how far a client's round turned its model's outputs (Zhuang et al., 2020).

Where no client's outputs turned at all, every factor is 0: the direction is 0, and the model stays.
"""


def stale_mean(exponent: float = 0.5, over: str = "reports") -> LinearRule:
    """Σ s(τ_i) Δ_i / K over a step's K reports, s(τ) = 1 / (1 + τ)^a; without delays the uniform mean.

    Args:
        exponent: a, at least 0; 0 makes nothing of staleness, 0.5 is the paper's.
        over: what the sum is divided by: K, the ``reports`` (paper), or Σ s(τ_i), the ``weights``, so that
            late reports turn a step but do not shorten it.

    Source: Nguyen et al., Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022,
    algorithm 1.
    """
    within("exponent", exponent, 0.0, 100.0)
    pick("over", over, dict.fromkeys(("reports", "weights")))

    def weight(own: Numbers) -> float:
        return float((1.0 + own["staleness"]) ** -exponent)

    return LinearRule(
        f"stale_mean(exponent={exponent}, over='{over}')",
        factor=weight,
        sums=lambda own: {"reports": 1.0, "weights": weight(own)},
        common=lambda total: total[over],
    )


FLOOR = 1e-10  # the least loss that counts, so that F^(q - 1) is finite


def q_fair(q: float, L: float) -> LinearRule:
    """L Σ F_k^q Δ_k / Σ h_k, h_k = q F_k^(q - 1) ‖L Δ_k‖² + L F_k^q: who does badly counts more.

    Both sums are divided by L, so that q = 0 gives the uniform mean to the last bit but one. A loss below
    1e-10 counts as 1e-10, where the released code adds that to every loss and the paper says nothing.

    Args:
        q: at least 0, at most 20, so that no loss that a site may report overflows.
        L: an estimate of the loss's Lipschitz constant, above 0; the paper takes the inverse of the local
            learning rate.

    Source: Li et al., Fair Resource Allocation in Federated Learning, ICLR 2020, algorithm 2. Its numbers,
    F_k and ‖Δ_k‖², are private data released in the clear.
    """
    within("q", q, 0.0, 20.0)
    within("L", L, 1e-12, 1e12)

    def weight(own: Numbers, power: float) -> float:
        return float(max(own["start_loss"], FLOOR) ** power)

    return LinearRule(
        f"q_fair(q={q}, L={L})",
        factor=lambda own: weight(own, q),
        sums=lambda own: {"h": q * weight(own, q - 1.0) * L * own["square"] + weight(own, q)},
        common=lambda total: total["h"],
        needs=("start_loss", "square"),
    )
