"""Server optimisers: from a direction to a step. The direction is *added*, so no signs need turning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from isofed.config import within
from isofed.strategies.arrivals import Arrivals
from isofed.trees import Layout, Tree, zeros

State = Mapping[str, Tree]


@dataclass(frozen=True)
class ServerOptimiser:
    """An optimiser as two pure functions.

    Args:
        call: the call that made it.
        init: from the layout of the travelling parameters to the first state.
        step: (direction in float64, state, round, part) to (step, next state); part is the share of all sites
            that the direction is of.
        arrivals: whose reports make a step, and from which model they began; None for all sites, from the
            newest one.
        distil: what the server teaches the new model with data of its own; None for nothing.
    """

    call: str
    init: Callable[[Layout], State] = field(repr=False)
    step: Callable[[Tree, State, int, float], tuple[Tree, State]] = field(repr=False)
    arrivals: Arrivals | None = None
    distil: Any = None


def sgd(lr: float = 1.0, momentum: float = 0.0) -> ServerOptimiser:
    """Step along the direction: m ← momentum·m + direction, step = lr·m.

    Args:
        lr: server learning rate η, at least 0; 1 without momentum replaces the model by the mean.
        momentum: β in [0, 1).

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 1 (SERVEROPT = SGD).
    """
    within("lr", lr, 0.0, 1e6)
    within("momentum", momentum, 0.0, 1.0 - 1e-9)

    def init(layout: Layout) -> State:
        return {"momentum": zeros(layout).wide()} if momentum else {}

    def step(direction: Tree, state: State, round: int, part: float = 1.0) -> tuple[Tree, State]:
        if momentum:
            direction = state["momentum"].map(lambda m, d: momentum * m + d, direction)
            state = {"momentum": direction}
        return (direction if lr == 1.0 else direction.map(lambda b: lr * b)), state

    return ServerOptimiser(f"sgd(lr={lr}, momentum={momentum})", init, step)


def accumulate() -> ServerOptimiser:
    """Step along the direction and along all that it ever was: s ← s + part·Δ, step = Δ + s.

    FedDyn's server: with h = -α s its θ = mean θ_i - h / α needs no α here.

    Source: Acar et al., Federated Learning Based on Dynamic Regularization, 2021, algorithm 1.
    """

    def step(direction: Tree, state: State, round: int, part: float = 1.0) -> tuple[Tree, State]:
        held = state["sum"].map(lambda s, d: s + part * d, direction)
        return direction.map(lambda d, s: d + s, held), {"sum": held}

    return ServerOptimiser("accumulate()", lambda layout: {"sum": zeros(layout).wide()}, step)


def buffered(optimiser: ServerOptimiser, arrivals: Arrivals) -> ServerOptimiser:
    """Step as ``optimiser`` does, whenever as many reports have come as ``arrivals`` says.

    Running statistics, which cannot be stepped along differences without a risk of negative variances, move
    by the share of the sites that a step counts: b ← (1 - K/N) b + (K/N) Σ n_i b_i / Σ n_i. With K of all N
    sites that is FedAvg's mean; with few it keeps one site's statistics from taking the place of all others'.

    Args:
        optimiser: any; ``sgd`` in the paper.
        arrivals: which K of the N sites, and from which models they began.

    Source: Nguyen et al., Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022,
    algorithm 1, which is silent on running statistics.
    """
    return replace(optimiser, call=f"buffered({optimiser.call}, {arrivals.call})", arrivals=arrivals)
