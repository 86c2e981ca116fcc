"""FedAvg and what only the server does otherwise."""

from collections.abc import Callable

from isofed.strategies.adaptive import adagrad, adam, yogi
from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import mean, normalised_mean, uniform_mean


def fedavg(count: str = "images", weights: str = "examples") -> Recipe:
    """Average the clients' models by their examples: θ ← Σ (n_i / n) θ_i.

    Args:
        count: n_i is the site's ``images`` N (paper), or those in ``full_batches``, floor(N / B) · B
            (released code of L2RW).
        weights: of the sites, by their ``examples`` n_i, or ``equal``, which noise for privacy asks for.

    Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data,
    2017, algorithm 1.
    """
    return Recipe(rule=mean(weights), count=count)


def uniform(count: str = "images") -> Recipe:
    """Average the clients' models, each with the same weight: θ ← Σ θ_i / k.

    Args:
        count: what a site reports as its examples, by which running statistics are weighted; as in
            :func:`fedavg`.
    """
    return Recipe(rule=uniform_mean, count=count)


def fedavgm(
    lr: float = 1.0, momentum: float = 0.9, count: str = "images", weights: str = "examples"
) -> Recipe:
    """FedAvg with momentum at the server: m ← β m + Δ, θ ← θ + η m.

    Args:
        lr: η, server learning rate, at least 0.
        momentum: β in [0, 1); 0 with lr 1 gives FedAvg's weights.
        count, weights: as in :func:`fedavg`.

    Source: Hsu et al., Measuring the Effects of Non-Identical Data Distribution for Federated Visual
    Classification, 2019, section 4.3.
    """
    return Recipe(rule=mean(weights), server=sgd(lr, momentum), count=count)


def fedadam(
    lr: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.99,
    tau: float = 1e-3,
    bias_correction: bool = False,
    count: str = "images",
    weights: str = "examples",
) -> Recipe:
    """FedAvg's mean change, stepped along by Adam: m ← β₁ m + (1-β₁) Δ, θ ← θ + η m / (√v + τ).

    Args:
        lr: η, at least 0; every parameter moves about so far in a round, so that it wants to be small
            beside the weights, and the paper tunes it for each data set.
        beta1, beta2: β₁, β₂ in [0, 1); tau: τ above 0, v starts at τ².
        bias_correction: as Adam on its own; the paper has none.
        count, weights: as in :func:`fedavg`.

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2. Running statistics are no
    parameters: they are averaged as in FedAvg and never stepped.
    """
    return Recipe(rule=mean(weights), server=adam(lr, beta1, beta2, tau, bias_correction), count=count)


def fedyogi(
    lr: float = 0.01,
    beta1: float = 0.9,
    beta2: float = 0.99,
    tau: float = 1e-3,
    count: str = "images",
    weights: str = "examples",
) -> Recipe:
    """:func:`fedadam` with a second moment that grows and shrinks by steps: v ← v - (1-β₂) Δ² sign(v - Δ²).

    Args:
        lr, beta1, beta2, tau, count, weights: as in :func:`fedadam`.

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2.
    """
    return Recipe(rule=mean(weights), server=yogi(lr, beta1, beta2, tau), count=count)


def fedadagrad(
    lr: float = 0.01, beta1: float = 0.0, tau: float = 1e-3, count: str = "images", weights: str = "examples"
) -> Recipe:
    """:func:`fedadam` with a second moment that only grows: v ← v + Δ².

    Args:
        lr, beta1, tau, count, weights: as in :func:`fedadam`.

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2.
    """
    return Recipe(rule=mean(weights), server=adagrad(lr, beta1, tau), count=count)


def fednova(count: str = "images") -> Recipe:
    """Average what a client's steps did each, not how many there were: θ ← θ + τ_eff Σ p_i Δ_i / a_i.

    a_i is how far site i's optimiser would go in this round under a gradient of one, so a site with more
    steps does not pull the model its way. Needs an optimiser that starts afresh in each round, and SGD.

    Args:
        count: as in :func:`fedavg`; p_i = n_i / n.

    Source: Wang et al., Tackling the Objective Inconsistency Problem in Heterogeneous Federated
    Optimization, 2020, eq. 8 and 9. Running statistics are averaged as in FedAvg, on which the paper is
    silent.
    """
    return Recipe(rule=normalised_mean, count=count)


NAMED: dict[str, Callable[..., Recipe]] = {
    "fedavg": fedavg,
    "uniform": uniform,
    "fedavgm": fedavgm,
    "fedadam": fedadam,
    "fedyogi": fedyogi,
    "fedadagrad": fedadagrad,
    "fednova": fednova,
}
