"""A model of which a part is each site's own, and models of the sites' own beside the global one."""

from collections.abc import Callable

from isofed.strategies.local.envelope import envelope
from isofed.strategies.local.mixture import mixture
from isofed.strategies.local.tethered import tethered
from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import Phase, Recipe
from isofed.strategies.rules import mean, uniform_mean
from isofed.strategies.share import BODY, HEAD, NORMS, all_but


def fedbn(count: str = "images", weights: str = "examples") -> Recipe:
    """FedAvg without normalisation layers, which stay at the sites: θ \\ BN ← Σ (n_i / n) θ_i \\ BN.

    Which layers those are, their types say; their scales, shifts and running statistics stay.

    Args:
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.
        weights: of the sites, by their ``examples`` as in FedAvg, or ``equal`` (paper).

    Source: Li et al., FedBN: Federated Learning on Non-IID Features via Local Batch Normalization, ICLR
    2021, algorithm 1.
    """
    return Recipe(rule=mean(weights), share=all_but(NORMS), count=count)


def fedper(count: str = "images", weights: str = "examples") -> Recipe:
    """FedAvg of the body, a head for each site: W_B ← Σ (n_i / n) W_B,i, and W_P,i stays.

    Both are trained at once.

    Args:
        count, weights: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Arivazhagan et al., Federated Learning with Personalization Layers, 2019, algorithms 1 and 2.
    """
    return Recipe(rule=mean(weights), share=all_but(HEAD), count=count)


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


def ditto(lam: float = 1.0, count: str = "images") -> Recipe:
    """FedAvg, and a model of each site's own that is held near it: v_k ← v_k - η (∇F_k(v_k) + λ (v_k - w^t)).

    The global model is FedAvg's to the last bit.

    Args:
        lam: λ, at least 0; 0 leaves every site to itself. The authors' code tries 0.1, 1 and 2.
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Li et al., Ditto: Fair and Robust Federated Learning Through Personalization, ICML 2021,
    algorithm 1. See :func:`~isofed.strategies.local.tethered.tethered`.
    """
    return Recipe(local=(tethered(lam),), count=count)


def apfl(alpha: float = 0.5, adaptive: bool = False, count: str = "images") -> Recipe:
    """A mixture of a site's own and the global model at each site: v̄_i = α v_i + (1 - α) w_i.

    The global model is the uniform mean's to the last bit: w ← Σ w_i / k.

    Args:
        alpha: α in [0, 1]; 0 gives the uniform mean, 1 leaves every site to itself.
        adaptive: whether each site fits its α, which begins at ``alpha``, once a round.
        count: as in :func:`~isofed.strategies.named.averaging.uniform`.

    Source: Deng et al., Adaptive Personalized Federated Learning, 2020, algorithm 1. See
    :func:`~isofed.strategies.local.mixture.mixture`.
    """
    return Recipe(rule=uniform_mean, local=(mixture(alpha, adaptive),), count=count)


def pfedme(
    lam: float = 1.0, k: int = 5, eta: float = 0.075, beta: float = 1.0, count: str = "images"
) -> Recipe:
    """Sites train θ_i near w_i, which follows it and is averaged: w ← (1 - β) w + β Σ w_i / n.

    w_i ← w_i - η λ (w_i - θ_i) after every K steps on θ_i; θ_i is what the site is to use.

    Args:
        lam: λ, above 0; the authors' code has 15. With the task's learning rate r on θ, r λ has to stay below
            2, and under Nesterov momentum of 0.9 below 1.35.
        k: K, steps on θ for each batch, at least 1.
        eta: η, rate of w_i, above 0; the default moves w_i as far as the authors' 0.005 with their λ.
        beta: β, at least 0; 1 replaces the model by the mean.
        count: as in :func:`~isofed.strategies.named.averaging.uniform`.

    Source: T. Dinh et al., Personalized Federated Learning with Moreau Envelopes, NeurIPS 2020, algorithm 1.
    See :func:`~isofed.strategies.local.envelope.envelope`.
    """
    local, schedule = (envelope(lam, k, eta),), (Phase(repeats=k),)
    return Recipe(rule=uniform_mean, server=sgd(beta), local=local, schedule=schedule, count=count)


NAMED: dict[str, Callable[..., Recipe]] = {
    "fedbn": fedbn,
    "fedper": fedper,
    "fedrep": fedrep,
    "fedbabu": fedbabu,
    "lgfedavg": lgfedavg,
    "ditto": ditto,
    "apfl": apfl,
    "pfedme": pfedme,
}
