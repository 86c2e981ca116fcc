"""The adaptive server optimisers of FedOpt: one first moment, and one second moment in three ways."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isofed.config import within
from isofed.strategies.optimisers import ServerOptimiser, State
from isofed.trees import Layout, Tree, zeros

Moment = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Moments:
    """The numbers that the three share.

    Args:
        lr: η, server learning rate, at least 0.
        beta1: β₁ in [0, 1), of the first moment.
        beta2: β₂ in [0, 1), of the second moment; Adagrad has none.
        tau: τ, degree of adaptivity, above 0; the second moment starts at τ².
        bias_correction: start the second moment at 0 and divide both by 1 - β^t, as Adam does on its own and
            FedAdam does not.
    """

    lr: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3
    bias_correction: bool = False

    def __post_init__(self) -> None:
        within("lr", self.lr, 0.0, 1e6)
        within("beta1", self.beta1, 0.0, 1.0 - 1e-9)
        within("beta2", self.beta2, 0.0, 1.0 - 1e-9)
        within("tau", self.tau, 1e-30, 1e6)


def adam(
    lr: float = 0.1,
    beta1: float = 0.9,
    beta2: float = 0.99,
    tau: float = 1e-3,
    bias_correction: bool = False,
) -> ServerOptimiser:
    """v ← β₂ v + (1 - β₂) Δ²; see :class:`Moments`.

    Source: Reddi et al., Adaptive Federated Optimization, 2021, algorithm 2 (FedAdam).
    """
    moments = Moments(lr, beta1, beta2, tau, bias_correction)
    call = f"adam({lr}, {beta1}, {beta2}, {tau}, {bias_correction})"
    return _adaptive(call, moments, lambda v, d: beta2 * v + (1 - beta2) * d * d)


def yogi(lr: float = 0.1, beta1: float = 0.9, beta2: float = 0.99, tau: float = 1e-3) -> ServerOptimiser:
    """v ← v - (1 - β₂) Δ² sign(v - Δ²); see :class:`Moments`.

    Source: Reddi et al., 2021, algorithm 2 (FedYogi).
    """

    def moment(v: Any, d: Any) -> Any:
        above = v - d * d
        # the sign as two comparisons, which NumPy and torch write alike
        return v - (1 - beta2) * d * d * ((above > 0) * 1.0 - (above < 0) * 1.0)

    return _adaptive(f"yogi({lr}, {beta1}, {beta2}, {tau})", Moments(lr, beta1, beta2, tau), moment)


def adagrad(lr: float = 0.1, beta1: float = 0.0, tau: float = 1e-3) -> ServerOptimiser:
    """v ← v + Δ²; see :class:`Moments`.

    Source: Reddi et al., 2021, algorithm 2 (FedAdagrad).
    """
    return _adaptive(f"adagrad({lr}, {beta1}, {tau})", Moments(lr, beta1, 0.0, tau), lambda v, d: v + d * d)


def _adaptive(call: str, moments: Moments, second: Moment) -> ServerOptimiser:
    """m ← β₁ m + (1 - β₁) Δ, step = η m / (√v + τ)."""
    first = moments.beta1

    def init(layout: Layout) -> State:
        start = 0.0 if moments.bias_correction else moments.tau**2
        return {"m": zeros(layout).wide(), "v": zeros(layout).wide().map(lambda v: v + start)}

    def step(direction: Tree, state: State, round: int, part: float = 1.0) -> tuple[Tree, State]:
        m = state["m"].map(lambda old, d: first * old + (1 - first) * d, direction)
        v = state["v"].map(second, direction)
        one, two = _corrections(moments, round)
        taken = m.map(lambda m, v: moments.lr * (m / one) / ((v / two) ** 0.5 + moments.tau), v)
        return taken, {"m": m, "v": v}

    return ServerOptimiser(call, init, step)


def _corrections(moments: Moments, round: int) -> tuple[float, float]:
    if not moments.bias_correction:
        return 1.0, 1.0
    return 1 - moments.beta1**round, 1 - moments.beta2**round
