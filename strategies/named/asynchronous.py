"""Servers that do not wait for everybody."""

from collections.abc import Callable

from isofed.strategies.arrivals import arrivals
from isofed.strategies.optimisers import buffered, sgd
from isofed.strategies.recipe import Recipe
from isofed.strategies.rules import stale_mean


def fedbuff(
    size: int = 2,
    concurrency: int = 4,
    lr: float = 1.0,
    exponent: float = 0.5,
    durations: str = "half_normal",
    spread: float = 0.0,
    count: str = "images",
) -> Recipe:
    """Step whenever K reports have come, late ones weighing less: θ ← θ + (η / K) Σ s(τ_i) Δ_i.

    s(τ) = 1 / (1 + τ)^a, τ the server's steps since the one from whose model a site began. Who reports when
    is drawn in virtual time; a round is one server step.

    Args:
        size: K, reports that make a step, at least 1 and no more than there are sites; a site alone makes
            every step by itself.
        concurrency: M, sites that train at a time, at least K; all where there are fewer.
        lr: η, server learning rate, at least 0.
        exponent: a, at least 0; 0 makes nothing of staleness.
        durations: law of a training's duration, its mean 1: ``half_normal`` (paper), ``exponential`` or
            ``constant``.
        spread: how much sites differ in pace, at least 0: site i's durations are multiplied by
            exp(spread · z_i), z_i normal; 0 as in the paper.
        count: as in :func:`uniform`.

    Source: Nguyen et al., Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022, algorithm
    1. Here no step counts a site twice: who has reported begins again after the step. A training's learning
    rate is the one of the step that counts it.
    """
    server = buffered(sgd(lr), arrivals(size, concurrency, durations, spread))
    return Recipe(rule=stale_mean(exponent), server=server, count=count)


NAMED: dict[str, Callable[..., Recipe]] = {
    "fedbuff": fedbuff,
}
