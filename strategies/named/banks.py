"""Rectification banks: identity centres beside the model (L2RW, L2RW+)."""

from collections.abc import Callable
from dataclasses import replace

from isofed.strategies.local.head_rows import CHANNEL as ROWS
from isofed.strategies.local.head_rows import head_rows
from isofed.strategies.local.prototypes import prototypes
from isofed.strategies.local.rectify import CHANNEL, rectify
from isofed.strategies.named.averaging import fedavg, fednova
from isofed.strategies.named.drift import fedprox, moon
from isofed.strategies.recipe import Recipe
from isofed.strategies.share import nothing
from isofed.strategies.tables import MatchRule, TableRule
from isofed.suggest import pick

BASES: dict[str, Callable[..., Recipe]] = {
    "fedavg": fedavg,
    "fedprox": fedprox,
    "fednova": fednova,
    "moon": moon,
}


def dppt(
    lam: float = 1.0,
    k: int = 4,
    loss: str = "cosine",
    normalise: bool = True,
    over: str = "present",
    count: str = "images",
    base: str = "fedavg",
) -> Recipe:
    """FedAvg with the memory rectification bank: L = L_task + λ·L_mrb, centres averaged by identity.

    Args:
        lam: λ, weight of the rectification loss; 0 gives the base's weights.
        k: K, how many features nearest to their mean make an identity's centre.
        loss: ``cosine`` (paper), ``mixed`` (released code) or ``euclidean`` (an ablation of the paper).
        normalise: features stored at unit length (paper) or as they are (released code).
        over: a global centre is the mean over the clients that sent one, ``present`` (paper), or over
            ``all`` clients, missing ones counted as zero (released code); ``nobody`` leaves every global
            centre at zero, as the released code for entities does, which never averages them.
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.
        base: what averages the models: fedavg, or as in table 1 of the paper fedprox, fednova or moon, with
            their defaults.

    Source: L2RW, CVPR 2025, section 3.3, eq. 3 to 8.
    """
    under = pick("base", base, BASES)(count=count)
    local = (rectify(lam, k, loss, normalise), *under.local)
    return replace(under, local=local, channels={CHANNEL: TableRule("identity_centres", over)})


def cgpr(
    lam: float = 1.0, k: int = 5, loss: str = "mixed", normalise: bool = False, tau: float = 0.0
) -> Recipe:
    """The memory rectification bank where every client numbers people for itself: the server matches centres.

    Args:
        lam, k, loss, normalise: as in :func:`dppt`.
        tau: τ, least cosine similarity of two centres that may be one person's.

    Source: L2RW+ (the authors' later code): correspondence-guided prototype rectification.
    """
    return Recipe(
        local=(rectify(lam, k, loss, normalise),),
        channels={CHANNEL: MatchRule("identity_centres", CHANNEL, tau)},
    )


def l2rwplus(
    lam: float = 1.0, k: int = 5, loss: str = "mixed", normalise: bool = False, tau: float = 0.0
) -> Recipe:
    """:func:`cgpr`, and the head's rows of a matched group averaged and written back.

    Args:
        lam, k, loss, normalise, tau: as in :func:`cgpr`.

    Source: L2RW+: correspondence-guided prototype rectification and classifier federation, its full method.
    """
    matched = cgpr(lam, k, loss, normalise, tau)
    return replace(
        matched,
        local=(*matched.local, head_rows()),
        channels={**matched.channels, ROWS: MatchRule("identity_head_rows", CHANNEL, tau)},
    )


def fedproto(lam: float = 1.0, count: str = "images") -> Recipe:
    """No model travels, prototypes do, and features are pulled to everybody's: L = L_task + λ·L_R.

    C̄ of a class is the mean of the sites' prototypes, each the mean of a site's features of the class.

    Args:
        lam: λ, weight of the pull, at least 0.
        count: what a site reports as its examples, by which nothing is weighted here.

    Source: Tan et al., FedProto: Federated Prototype Learning across Heterogeneous Clients, AAAI 2022, eq. 3
    to 7. There a prototype counts by its images, which would tell how many a site has of each class: here
    all sites that have one count alike, as in the released code.
    """
    return Recipe(
        local=(prototypes(lam),),
        share=nothing,
        channels={CHANNEL: TableRule("identity_centres")},
        count=count,
    )


NAMED: dict[str, Callable[..., Recipe]] = {
    "dppt": dppt,
    "cgpr": cgpr,
    "l2rwplus": l2rwplus,
    "fedproto": fedproto,
}
