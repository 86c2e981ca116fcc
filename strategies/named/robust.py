"""Sites of which some may be faulty, or send what they send on purpose."""

from collections.abc import Callable

from isofed.strategies.optimisers import sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.robust import coordinates, distances, selection, trust


def krum(f: int = -1, lr: float = 1.0) -> Recipe:
    """Take over one site's change, the one with the nearest neighbours: i* = argmin Σ ‖Δ_i - Δ_j‖².

    The sum is over the n - f - 2 nearest j. Weights by examples count for nothing; so they do in the others
    of this family, where running statistics go by the median of each entry.

    Args:
        f: sites of a round that may be faulty, n ≥ 2f + 3; -1 for as many as that allows.
        lr: η, server learning rate, at least 0.

    Source: Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS
    2017, section 4. See :func:`~isofed.strategies.robust.selection.krum`.
    """
    return Recipe(rule=selection.krum(f), server=sgd(lr))


def multi_krum(f: int = -1, m: int = -1, lr: float = 1.0) -> Recipe:
    """Average the changes of the m sites that Krum likes best: θ ← θ + (η / m) Σ Δ_i.

    Args:
        f, lr: as in :func:`krum`.
        m: sites, at least 1 and at most n - f; -1 for n - f - 2.

    Source: Blanchard et al., Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent, NeurIPS
    2017, section 6.
    """
    return Recipe(rule=selection.multi_krum(f, m), server=sgd(lr))


def bulyan(f: int = -1, lr: float = 1.0) -> Recipe:
    """Let Krum choose θ sites, then average of each entry the θ - 2f nearest to the median: θ = n - 2f.

    Args:
        f: sites of a round that may be faulty, n ≥ 4f + 3; -1 for as many as that allows.
        lr: as in :func:`krum`.

    Source: El Mhamdi et al., The Hidden Vulnerability of Distributed Learning in Byzantium, ICML 2018,
    section 4.
    """
    return Recipe(rule=selection.bulyan(f), server=sgd(lr))


def trimmed_mean(f: int = -1, lr: float = 1.0) -> Recipe:
    """Average each entry of the changes without its f least and its f greatest: Δ_j = Σ' Δ_ij / (n - 2f).

    Args:
        f: sites of a round that may be faulty, n ≥ 2f + 1; -1 for as many as that allows. 0 is the uniform
            mean.
        lr: as in :func:`krum`.

    Source: Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018,
    definition 2.
    """
    return Recipe(rule=coordinates.trimmed_mean(f), server=sgd(lr))


def median(lr: float = 1.0) -> Recipe:
    """Take the median of each entry of the changes: Δ_j = med Δ_ij.

    Args:
        lr: as in :func:`krum`.

    Source: Yin et al., Byzantine-Robust Distributed Learning: Towards Optimal Statistical Rates, ICML 2018,
    definition 1.
    """
    return Recipe(rule=coordinates.median, server=sgd(lr))


def rfa(nu: float = 1e-6, iterations: int = 1000, lr: float = 1.0) -> Recipe:
    """Take the geometric median of the changes: Δ = argmin_v Σ ‖v - Δ_i‖.

    Args:
        nu: ν, above 0, under which a distance counts as ν.
        iterations: the most of Weiszfeld's steps, at least 1.
        lr: as in :func:`krum`.

    Source: Pillutla et al., Robust Aggregation for Federated Learning, IEEE Transactions on Signal Processing
    2022, algorithm 2. See :func:`~isofed.strategies.robust.distances.rfa`.
    """
    return Recipe(rule=distances.rfa(nu, iterations), server=sgd(lr))


def centred_clipping(tau: float = 0.0, iterations: int = 3, lr: float = 1.0) -> Recipe:
    """Move towards each site by at most τ, again and again: v ← v + Σ (Δ_i - v) min(1, τ / ‖Δ_i - v‖) / n.

    Args:
        tau: τ, above 0; 0 for the median of the distances.
        iterations: steps, at least 1.
        lr: as in :func:`krum`.

    Source: Karimireddy et al., Learning from History for Byzantine Robust Optimization, ICML 2021, section 5.
    See :func:`~isofed.strategies.robust.distances.centred_clipping`.
    """
    return Recipe(rule=distances.centred_clipping(tau, iterations), server=sgd(lr))


def norm_bounding(norm: float = 0.0, lr: float = 1.0) -> Recipe:
    """Average changes none of which is longer than M: Δ = Σ Δ_i min(1, M / ‖Δ_i‖) / n.

    Args:
        norm: M, above 0; 0 for the median of the round's norms.
        lr: as in :func:`krum`.

    Source: Sun et al., Can You Really Backdoor Federated Learning?, 2019, section 4.
    """
    return Recipe(rule=distances.norm_bounding(norm), server=sgd(lr))


def fltrust(lr: float = 1.0) -> Recipe:
    """Count sites as far as they go the server's own way: Δ = Σ TS_i (‖Δ_0‖ / ‖Δ_i‖) Δ_i / Σ TS_i.

    TS_i = max(0, cos(Δ_i, Δ_0)), and Δ_0 is what the server trains in a round on root data of its own,
    ``public.root``, with labels that mean what the sites' do.

    Args:
        lr: as in :func:`krum`.

    Source: Cao et al., FLTrust: Byzantine-robust Federated Learning via Trust Bootstrapping, NDSS 2021, eq. 2
    to 4. There the root data are drawn from what the sites hold; here they are public, or nobody's.
    """
    return Recipe(rule=trust.fltrust(), server=sgd(lr))


NAMED: dict[str, Callable[..., Recipe]] = {
    "krum": krum,
    "multi_krum": multi_krum,
    "bulyan": bulyan,
    "trimmed_mean": trimmed_mean,
    "median": median,
    "rfa": rfa,
    "centred_clipping": centred_clipping,
    "norm_bounding": norm_bounding,
    "fltrust": fltrust,
}
