"""Linear rules: from reports to one direction, by sums alone.

A linear rule is a factor from a client's own public numbers, sums of public numbers, and one common
factor: direction = Σ_i factor_i · Δ_i / common(Σ numbers). Because it needs only sums it streams, O(d)
memory whatever the number of clients, and it works under secure aggregation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from isofed.errors import DataError

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
        factor: a client's factor from its own numbers (``examples``, ``steps``).
        sums: the numbers that are summed over clients.
        common: one divisor for all, from those sums; divided by, because n·Δ / n is Δ to the last bit and
            (1 / n)·n·Δ is not.
        needs: numbers beside ``examples``, ``steps`` and ``loss`` that a client must report.
    """

    call: str
    factor: Callable[[Numbers], float] = field(repr=False)
    sums: Callable[[Numbers], Numbers] = field(repr=False)
    common: Callable[[Numbers], float] = field(repr=False)
    needs: tuple[str, ...] = ()


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
)
"""Σ Δ_i / k over the k clients of the round."""

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
