"""What holds clients together while they train."""

from collections.abc import Callable

from isofed.strategies.local.contrastive import contrastive
from isofed.strategies.local.control import CHANNEL, control_variate
from isofed.strategies.local.dynamic import dynamic
from isofed.strategies.local.proximal import proximal
from isofed.strategies.optimisers import accumulate, sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import mean, uniform_mean
from isofed.strategies.tables import TreeRule


def fedprox(mu: float = 0.01, count: str = "images", weights: str = "examples") -> Recipe:
    """FedAvg with each client held near the global model: L = L_task + (μ/2) ‖w - w_global‖².

    Args:
        mu: μ, at least 0; 0 gives FedAvg's weights. 0.01 is what the authors of L2RW use in L2RW+.
        count, weights: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Li et al., Federated Optimization in Heterogeneous Networks, 2020, algorithm 2.
    """
    return Recipe(rule=mean(weights), local=(proximal(mu),), count=count)


def scaffold(lr: float = 1.0, option: str = "two", count: str = "images") -> Recipe:
    """Steps turned from each site's own way to everybody's: gradient + c - c_i, θ ← θ + η Σ Δ_i / k.

    Args:
        lr: η, server learning rate, at least 0.
        option: how a site finds its next control variate, ``one`` or ``two``; see
            :func:`~isofed.strategies.local.control.control_variate`. ``two`` needs SGD without momentum.
        count: as in :func:`uniform`.

    Source: Karimireddy et al., SCAFFOLD, 2020, algorithm 1. All control variates begin at zero, which the
    paper allows.
    """
    return Recipe(
        rule=uniform_mean,
        server=sgd(lr),
        local=(control_variate(option),),
        channels={CHANNEL: TreeRule("control_variates")},
        count=count,
    )


def feddyn(alpha: float = 0.01, count: str = "images") -> Recipe:
    """Every site's loss bent so that all share one optimum: gradient - g_i + α (w - w_global).

    Args:
        alpha: α, above 0.
        count: as in :func:`uniform`.

    Source: Acar et al., Federated Learning Based on Dynamic Regularization, 2021, algorithm 1.
    """
    return Recipe(
        rule=uniform_mean,
        server=accumulate(),
        local=(dynamic(alpha),),
        count=count,
    )


def moon(mu: float = 1.0, tau: float = 0.5, count: str = "images", weights: str = "examples") -> Recipe:
    """FedAvg with features pulled to the global model's and away from the site's previous: + μ·L_con.

    Args:
        mu: μ, at least 0; 0 gives FedAvg's weights. 1 is what the authors of L2RW use in L2RW+.
        tau: τ, temperature, above 0.
        count, weights: as in :func:`~isofed.strategies.named.averaging.fedavg`.

    Source: Li et al., Model-Contrastive Federated Learning, CVPR 2021, algorithm 1.
    """
    return Recipe(rule=mean(weights), local=(contrastive(mu, tau),), count=count)


NAMED: dict[str, Callable[..., Recipe]] = {
    "fedprox": fedprox,
    "scaffold": scaffold,
    "feddyn": feddyn,
    "moon": moon,
}
