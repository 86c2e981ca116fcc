"""A model of which a part is each site's own."""

from collections.abc import Callable

from isofed.strategies.recipe import Phase, Recipe
from isofed.strategies.share import BODY, HEAD, NORMS, all_but


def fedbn(count: str = "images") -> Recipe:
    """FedAvg without normalisation layers, which stay at the sites: θ \\ BN ← Σ (n_i / n) θ_i \\ BN.

    Which layers those are, their types say; their scales, shifts and running statistics stay.

    Args:
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Li et al., FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, ICLR
    2021, algorithm 1. There the mean is uniform; here it is by examples, as in FedAvg.
    """
    return Recipe(share=all_but(NORMS), count=count)


def fedper(count: str = "images") -> Recipe:
    """FedAvg of the body, a head for each site: W_B ← Σ (n_i / n) W_B,i, and W_P,i stays.

    Both are trained at once.

    Args:
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Arivazhagan et al., Federated Learning with Personalization Layers, 2019, algorithms 1 and 2.
    """
    return Recipe(share=all_but(HEAD), count=count)


def fedrep(head_epochs: int = 1, body_epochs: int = 1, count: str = "images") -> Recipe:
    """FedPer whose sites train their head h_i first, on the body as it came, and then the body φ alone.

    Args:
        head_epochs: rounds of the task's batches for the head, at least 1.
        body_epochs: and then for the body, at least 1.
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`; the paper's mean is uniform over the
            sites of a round.

    Source: Collins et al., Exploiting Shared Representations for Personalized Federated Learning, ICML 2021,
    algorithm 1.
    """
    return Recipe(
        share=all_but(HEAD),
        schedule=(Phase("head", head_epochs), Phase("body", body_epochs)),
        count=count,
    )


def fedbabu(finetune: int = 1, count: str = "images") -> Recipe:
    """FedAvg of the body against a head that is never trained; a site fine-tunes all of it before use.

    The head is the same at all sites, as the seed drew it, unless heads are private.

    Args:
        finetune: rounds of the task's batches with which a site fits a copy to itself before it measures, at
            least 1.
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Oh et al., FedBABU: Toward Enhanced Representation for Federated Image Classification, ICLR 2022,
    algorithm 1 and section 5.
    """
    return Recipe(
        share=all_but(HEAD),
        schedule=(Phase("body"), Phase("all", finetune, when="evaluate")),
        count=count,
    )


def lgfedavg(count: str = "images") -> Recipe:
    """FedAvg of the head over representations of the sites' own: the reverse of FedPer.

    Args:
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Liang et al., Think Locally, Act Globally: Federated Learning with Local and Global
    Representations, 2020, algorithm 1.
    """
    return Recipe(share=all_but(BODY), count=count)


NAMED: dict[str, Callable[..., Recipe]] = {
    "fedbn": fedbn,
    "fedper": fedper,
    "fedrep": fedrep,
    "fedbabu": fedbabu,
    "lgfedavg": lgfedavg,
}
