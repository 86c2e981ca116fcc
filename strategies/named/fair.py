"""Sites weighed by how badly the model does there."""

from collections.abc import Callable

from isofed.strategies.local.fairness import fairness
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import q_fair


def qfedavg(q: float = 0.1, L: float = 1.0, count: str = "images") -> Recipe:
    """Move further where the loss is greater: w ← w - Σ F_k^q L (w - w_k) / Σ h_k.

    h_k = q F_k^(q - 1) ‖L (w - w_k)‖² + L F_k^q. A site's loss and how far it went leave it in the clear.

    Args:
        q: how fair, 0 to 20; 0 gives the uniform mean, and the greater, the smaller the steps.
        L: above 0; the paper takes the inverse of the local learning rate, for sites of few steps. Where
            they go far in many steps, the square of the way with that L stops the model, hence the 1.
        count: as in :func:`~isofed.strategies.named.averaging.uniform`.

    Source: Li et al., Fair Resource Allocation in Federated Learning, ICLR 2020, algorithm 2. See
    :func:`~isofed.strategies.rules.q_fair` and :func:`~isofed.strategies.local.fairness.fairness`.
    """
    return Recipe(rule=q_fair(q, L), local=(fairness(),), count=count)


NAMED: dict[str, Callable[..., Recipe]] = {
    "qfedavg": qfedavg,
}
