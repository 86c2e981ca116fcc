"""The named algorithms: each a composition of a line or two, with its citation."""

from collections.abc import Callable
from dataclasses import replace

from isofed.strategies.adaptive import adagrad, adam, yogi
from isofed.strategies.local.contrastive import contrastive
from isofed.strategies.local.control import CHANNEL as CONTROL
from isofed.strategies.local.control import control_variate
from isofed.strategies.local.dynamic import dynamic
from isofed.strategies.local.head_rows import CHANNEL as ROWS
from isofed.strategies.local.head_rows import head_rows
from isofed.strategies.local.proximal import proximal
from isofed.strategies.local.rectify import CHANNEL, rectify
from isofed.strategies.optimisers import accumulate, sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import normalised_mean, uniform_mean
from isofed.strategies.tables import MatchRule, TableRule, TreeRule
from isofed.suggest import pick


def fedavg(count: str = "images") -> Recipe:
    """Average the clients' models by their examples: θ ← Σ (n_i / n) θ_i.

    Args:
        count: n_i is the site's ``images`` N (paper), or those in ``full_batches``, floor(N / B) · B
            (released code of L2RW).

    Source: McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data,
    2017, algorithm 1.
    """
    return Recipe(f"fedavg(count='{count}')", count=count)


def uniform(count: str = "images") -> Recipe:
    """Average the clients' models, each with the same weight: θ ← Σ θ_i / k.

    Args:
        count: what a site reports as its examples, by which running statistics are weighted; as in
            :func:`fedavg`.
    """
    return Recipe(f"uniform(count='{count}')", rule=uniform_mean, count=count)


def fedavgm(lr: float = 1.0, momentum: float = 0.9, count: str = "images") -> Recipe:
    """FedAvg with momentum at the server: m ← β m + Δ, θ ← θ + η m.

    Args:
        lr: η, server learning rate, at least 0.
        momentum: β in [0, 1); 0 with lr 1 gives FedAvg's weights.
        count: as in :func:`fedavg`.

    Source: Hsu et al., Measuring the Effects of Non-Identical Data Distribution for Federated Visual
    Classification, 2019, section 4.3.
    """
    call = f"fedavgm(lr={lr}, momentum={momentum}, count='{count}')"
    return Recipe(call, server=sgd(lr, momentum), count=count)


def fedadam(
    lr: float = 0.1,
    beta1: float = 0.9,
    beta2: float = 0.99,
    tau: float = 1e-3,
    bias_correction: bool = False,
    count: str = "images",
) -> Recipe:
    """FedAvg's mean change, stepped along by Adam: m ← β₁ m + (1-β₁) Δ, θ ← θ + η m / (√v + τ).

    Args:
        lr: η; beta1, beta2: β₁, β₂ in [0, 1); tau: τ above 0, v starts at τ².
        bias_correction: as Adam on its own; the paper has none.
        count: as in :func:`fedavg`.

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2. Running statistics are no
    parameters: they are averaged as in FedAvg and never stepped.
    """
    options = f"lr={lr}, beta1={beta1}, beta2={beta2}, tau={tau}, bias_correction={bias_correction}"
    server = adam(lr, beta1, beta2, tau, bias_correction)
    return Recipe(f"fedadam({options}, count='{count}')", server=server, count=count)


def fedyogi(
    lr: float = 0.1, beta1: float = 0.9, beta2: float = 0.99, tau: float = 1e-3, count: str = "images"
) -> Recipe:
    """:func:`fedadam` with a second moment that grows and shrinks by steps: v ← v - (1-β₂) Δ² sign(v - Δ²).

    Args:
        lr, beta1, beta2, tau, count: as in :func:`fedadam`.

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2.
    """
    call = f"fedyogi(lr={lr}, beta1={beta1}, beta2={beta2}, tau={tau}, count='{count}')"
    return Recipe(call, server=yogi(lr, beta1, beta2, tau), count=count)


def fedadagrad(lr: float = 0.1, beta1: float = 0.0, tau: float = 1e-3, count: str = "images") -> Recipe:
    """:func:`fedadam` with a second moment that only grows: v ← v + Δ².

    Args:
        lr, beta1, tau, count: as in :func:`fedadam`.

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2.
    """
    call = f"fedadagrad(lr={lr}, beta1={beta1}, tau={tau}, count='{count}')"
    return Recipe(call, server=adagrad(lr, beta1, tau), count=count)


def fedprox(mu: float = 0.01, count: str = "images") -> Recipe:
    """FedAvg with each client held near the global model: L = L_task + (μ/2) ‖w - w_global‖².

    Args:
        mu: μ, at least 0; 0 gives FedAvg's weights. 0.01 is what the authors of L2RW use in L2RW+.
        count: as in :func:`fedavg`.

    Source: Li et al., Federated Optimization in Heterogeneous Networks, 2020, algorithm 2.
    """
    return Recipe(f"fedprox(mu={mu}, count='{count}')", local=(proximal(mu),), count=count)


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
    return Recipe(f"fednova(count='{count}')", rule=normalised_mean, count=count)


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
        f"scaffold(lr={lr}, option='{option}', count='{count}')",
        rule=uniform_mean,
        server=sgd(lr),
        local=(control_variate(option),),
        channels={CONTROL: TreeRule("control_variates")},
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
        f"feddyn(alpha={alpha}, count='{count}')",
        rule=uniform_mean,
        server=accumulate(),
        local=(dynamic(alpha),),
        count=count,
    )


def moon(mu: float = 1.0, tau: float = 0.5, count: str = "images") -> Recipe:
    """FedAvg with features pulled to the global model's and away from the site's previous: + μ·L_con.

    Args:
        mu: μ, at least 0; 0 gives FedAvg's weights. 1 is what the authors of L2RW use in L2RW+.
        tau: τ, temperature, above 0.
        count: as in :func:`fedavg`.

    Source: Li et al., Model-Contrastive Federated Learning, CVPR 2021, algorithm 1.
    """
    return Recipe(f"moon(mu={mu}, tau={tau}, count='{count}')", local=(contrastive(mu, tau),), count=count)


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
        count: as in :func:`fedavg`.
        base: what averages the models: fedavg, or as in table 1 of the paper fedprox, fednova or moon, with
            their defaults.

    Source: L2RW, CVPR 2025, section 3.3, eq. 3 to 8.
    """
    options = f"lam={lam}, k={k}, loss='{loss}', normalise={normalise}, over='{over}', count='{count}'"
    under = pick("base", base, BASES)(count=count)
    return replace(
        under,
        call=f"dppt({options}, base='{base}')",
        local=(rectify(lam, k, loss, normalise), *under.local),
        channels={CHANNEL: TableRule("identity_centres", over)},
    )


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
        f"cgpr(lam={lam}, k={k}, loss='{loss}', normalise={normalise}, tau={tau})",
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
        call=matched.call.replace("cgpr", "l2rwplus", 1),
        local=(*matched.local, head_rows()),
        channels={**matched.channels, ROWS: MatchRule("identity_head_rows", CHANNEL, tau)},
    )


STRATEGIES: dict[str, Callable[..., Recipe]] = {
    "cgpr": cgpr,
    "dppt": dppt,
    "fedadagrad": fedadagrad,
    "fedadam": fedadam,
    "fedavg": fedavg,
    "fedavgm": fedavgm,
    "feddyn": feddyn,
    "fednova": fednova,
    "fedprox": fedprox,
    "fedyogi": fedyogi,
    "l2rwplus": l2rwplus,
    "moon": moon,
    "scaffold": scaffold,
    "uniform": uniform,
}
