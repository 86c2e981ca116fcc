"""The learning rate from round to round."""

import math
from collections.abc import Callable, Mapping

SHAPES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda x: 1.0,
    "cosine": lambda x: 0.5 * (1 + math.cos(math.pi * x)),
}


def factor(done: float, rounds: int, warmup: int, shape: str) -> float:
    """Return the factor on the peak rate after ``done`` rounds.

    (floor(t) + 1) / W in the first W rounds, and f((t - W) / (R - W)) from there on, where f is 1 or
    (1 + cos(pi x)) / 2. So five rounds of warm-up to 5e-4 have 1e-4, 2e-4, 3e-4, 4e-4 and 5e-4.

    Args:
        done: t, rounds done so far, fractions counting the steps of the current round, >= 0.
        rounds: R, of the whole run.
        warmup: W, rounds; the rate stands still within each.
        shape: a key of ``SHAPES``.

    Source: the released code of Xia et al., 2025. Differs from it in: its fall to a tenth at epochs 110 and
    120 is left out, for training ends at 100.
    """
    if done < warmup:
        return (math.floor(done) + 1) / warmup
    return SHAPES[shape](min(1.0, (done - warmup) / max(rounds - warmup, 1)))
