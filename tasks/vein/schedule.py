"""The factor on the learning rate: up in a line, then as chosen."""

import math
from collections.abc import Callable, Mapping

FLOOR = 1e-3  # share of the peak rate at which a warm-up begins
DROP_AT, DROP = 0.6, 0.1  # FusionAug: after 60 of 100 epochs, by ten

SHAPES: Mapping[str, Callable[[float], float]] = {
    "cosine": lambda x: (1 + math.cos(math.pi * x)) / 2,
    "step": lambda x: 1.0 if x < DROP_AT else DROP,
    "constant": lambda x: 1.0,
}


def factor(done: float, rounds: int, warmup: float, shape: str) -> float:
    """Return the factor on the peak rate after ``done`` rounds.

    max(1e-3, t / W) for t < W = warmup R, and f((t - W) / (R - W)) from there on, where f(x) is
    (1 + cos(pi x)) / 2, or 1 below 0.6 and 0.1 from there on, or 1.

    Args:
        done: t, rounds done so far, fractions counting the steps of the current round, >= 0.
        rounds: R, of the whole run.
        warmup: share of the rounds over which the rate rises, 0 <= . < 1.
        shape: a key of ``SHAPES``.
    """
    rising = warmup * rounds
    if done < rising:
        return max(FLOOR, done / rising)
    return SHAPES[shape](min(1.0, (done - rising) / (rounds - rising)))
