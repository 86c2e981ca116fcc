"""The named algorithms: each a composition of a line or two, with its citation."""

from collections.abc import Callable

from isofed.strategies.local.rectify import CHANNEL, rectify
from isofed.strategies.recipe import Recipe
from isofed.strategies.tables import TableRule


def fedavg(count: str = "images") -> Recipe:
    """Average the clients' models by their examples: θ ← Σ (n_i / n) θ_i.

    Args:
        count: n_i is the site's ``images`` N (paper), or those in ``full_batches``, floor(N / B) · B
            (released code of L2RW).

    Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data,
    2017, algorithm 1.
    """
    return Recipe(f"fedavg(count='{count}')", count=count)


def dppt(
    lam: float = 1.0,
    k: int = 4,
    loss: str = "cosine",
    normalise: bool = True,
    over: str = "present",
    count: str = "images",
) -> Recipe:
    """FedAvg with the memory rectification bank: L = L_task + λ·L_mrb, centres averaged by identity.

    Args:
        lam: λ, weight of the rectification loss; 0 gives FedAvg's weights.
        k: K, how many features nearest to their mean make an identity's centre.
        loss: ``cosine`` (paper) or ``mixed`` (released code).
        normalise: features stored at unit length (paper) or as they are (released code).
        over: a global centre is the mean over the clients that sent one, ``present`` (paper), or over
            ``all`` clients, missing ones counted as zero (released code).
        count: as in :func:`fedavg`.

    Source: L2RW, CVPR 2025, section 3.3, eq. 3 to 8.
    """
    call = f"dppt(lam={lam}, k={k}, loss='{loss}', normalise={normalise}, over='{over}', count='{count}')"
    return Recipe(
        call,
        local=(rectify(lam, k, loss, normalise),),
        count=count,
        channels={CHANNEL: TableRule("identity_centres", over)},
    )


STRATEGIES: dict[str, Callable[..., Recipe]] = {"dppt": dppt, "fedavg": fedavg}
