"""What a server teaches its model with data of its own, after the round's mean was taken."""

from dataclasses import dataclass, replace

from isofed.config import within
from isofed.errors import ConfigError
from isofed.strategies.optimisers import ServerOptimiser
from isofed.suggest import pick

OUTPUTS = {
    "logits": "what the model says of each class, (N, C)",
    "features": "what retrieval compares, (N, D)",
}
STATISTICS = {
    "public": "the student is in training mode, and its running statistics follow the public data",
    "clients": "the student is in evaluation mode, and its running statistics stay the clients' mean",
}
OPTIMISERS = {
    "adam": "Adam, its rate annealed by a cosine to 0 over the steps (FedDF)",
    "sgd": "SGD with Nesterov momentum 0.9 at a constant rate (FedReID)",
}


@dataclass(frozen=True)
class Distillation:
    """How the mean model learns to say of public data what the clients' models say on average.

    With f_k(x) the outputs of client k's model in evaluation mode and f the student's, which begins as the
    new mean model, each step goes down the mean over a batch of KL(σ(1/K Σ f_k / T) ‖ σ(f / T)) for logits,
    or of the squared error between f and 1/K Σ f_k for features. All K clients heard weigh the same.

    Args:
        of: which outputs, a key of ``OUTPUTS``.
        steps: optimiser steps a round, at least 0.
        batch: B, public samples in a step, at least 2; all of them where there are fewer.
        lr: learning rate, at its peak, above 0.
        temperature: T, above 0; for logits alone.
        by: the optimiser, a key of ``OPTIMISERS``; none has weight decay.
        unit: each client's features at unit length before the mean is taken.
        statistics: a key of ``STATISTICS``.
    """

    of: str = "logits"
    steps: int = 20
    batch: int = 128
    lr: float = 1e-3
    temperature: float = 1.0
    by: str = "adam"
    unit: bool = False
    statistics: str = "public"

    def __post_init__(self) -> None:
        pick("of", self.of, OUTPUTS)
        pick("by", self.by, OPTIMISERS)
        pick("statistics", self.statistics, STATISTICS)
        within("steps", self.steps, 0, 1e7)
        within("batch", self.batch, 2, 1e6)
        within("lr", self.lr, 1e-12, 1e6)
        within("temperature", self.temperature, 1e-6, 1e6)
        if self.of == "features" and self.temperature != 1.0:
            raise ConfigError("'temperature' softens logits and does nothing to features; leave it at 1")
        if self.of == "logits" and self.unit:
            raise ConfigError("'unit' is for features, but logits carry their meaning in their length too")


def distilling(optimiser: ServerOptimiser, lesson: Distillation) -> ServerOptimiser:
    """Return ``optimiser`` with a lesson after each of its steps; the server needs public data for it.

    Args:
        optimiser: makes the mean model that the lesson begins from; its own state knows nothing of it.
        lesson: what is learnt; of no steps, nothing, and the server needs no data.

    Source: Lin et al., Ensemble Distillation for Robust Model Fusion in Federated Learning, NeurIPS 2020,
    eq. 3 and algorithm 1.
    """
    if not lesson.steps:
        return optimiser
    return replace(optimiser, call=f"distilling({optimiser.call}, {lesson})", distil=lesson)
