"""Averaging followed by distillation at the server, and FedReID's two optimisations."""

from collections.abc import Callable

from isofed.strategies.distillation import Distillation, distilling
from isofed.strategies.local.turned import turned
from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import distance_mean, weighted_mean
from isofed.strategies.share import HEAD, all_but
from isofed.suggest import pick


def feddf(
    of: str = "logits",
    steps: int = 20,
    batch: int = 128,
    lr: float = 1e-3,
    temperature: float = 1.0,
    statistics: str = "public",
    count: str = "images",
) -> Recipe:
    """FedAvg, then the mean model learns from the ensemble: θ ← θ - η ∇ KL(σ(Σ f_k(x) / K T) ‖ σ(f(x) / T)).

    x are the server's own public data, ``public.root``, without labels.

    Args:
        of: ``logits`` (paper), or ``features`` with the squared error, where heads stay at the sites.
        steps: a round; 0 gives FedAvg's weights. The paper takes up to 10,000 and stops earlier by a
            validation set, which this server has not.
        batch: B, at least 2; lr: η of Adam at its peak, annealed by a cosine; both the paper's.
        temperature: T, above 0; the paper's equation has none, which is 1.
        statistics: ``public``, running statistics follow the public data (released code), or ``clients``.
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Lin et al., Ensemble Distillation for Robust Model Fusion in Federated Learning, NeurIPS 2020,
    eq. 3 and algorithm 1. The released code also clips gradients at norm 5, and unless told otherwise
    averages the losses against single teachers.
    """
    lesson = Distillation(of, steps, batch, lr, temperature, statistics=statistics)
    return Recipe(server=distilling(sgd(), lesson), count=count)


def fedpav(
    weights: str = "cosine",
    of: str = "logits",
    steps: int = 0,
    batch: int = 32,
    lr: float = 5e-4,
    unit: bool = True,
    count: str = "images",
) -> Recipe:
    """FedPer with weights by how far sites turned: W_B ← Σ (d_i / d) W_B,i, d_i = mean of 1 - cos(f_i, f_i').

    With ``steps``, the mean body then learns the clients' mean features of public data, by squared error.

    Args:
        weights: ``cosine``, d_i as above, or ``examples``, n_i, which without steps is FedPer.
        of: what d_i compares, ``logits`` (released code) or ``features``; with ``cosine`` alone.
        steps: of the server's SGD a round; 0 for no distillation. The released code goes through its public
            data once, and that in every tenth round only.
        batch: B of them, at least 2; lr: 0.01 times the released code's local rate.
        unit: the clients' features at unit length, as the released code's README recommends.
        count: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Zhuang et al., Performance Optimization for Federated Person Re-identification via Benchmark
    Analysis, ACM MM 2020. d_i is a function of private data, and released. Running statistics are averaged
    by examples; the released code takes the first client's, and decays the server's weights.
    """
    by = {"cosine": (distance_mean, (turned(of),)), "examples": (weighted_mean, ())}
    rule, local = pick("weights", weights, by)
    lesson = Distillation("features", steps, batch, lr, by="sgd", unit=unit)
    return Recipe(rule=rule, server=distilling(sgd(), lesson), local=local, share=all_but(HEAD), count=count)


NAMED: dict[str, Callable[..., Recipe]] = {"feddf": feddf, "fedpav": fedpav}
