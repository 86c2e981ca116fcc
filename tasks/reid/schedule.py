"""Learning rate over the rounds: a straight line up, a straight line down."""

from isofed.errors import ConfigError

START = 1e-4  # share of the peak at which the first step begins


def factor(progress: float, warmup: float, rounds: float) -> float:
    """Return the share of the peak learning rate after ``progress`` rounds.

    f(t) = START + (1 - START) t / W for t < W, and (R - t) / (R - W) from there on; 0 from R on.

    Args:
        progress: t, rounds done so far, fractions counting the steps of the current round, >= 0.
        warmup: W, the round of the peak, 0 <= W < R.
        rounds: R, rounds of the whole run, > 0.

    Raises:
        ConfigError: the warm-up is as long as the run, or a number is negative.

    Differs from the released code: there the first step of a round uses the round's last rate.

    Reference: Jiang et al., "From laboratory to real world: a new benchmark towards privacy-preserved
    visible-infrared person re-identification", CVPR 2025, section 4.2.

    Example:
        >>> 0.2 * factor(33, 16, 50)
        0.1
    """
    if progress < 0 or not 0 <= warmup < rounds:
        raise ConfigError(
            f"The schedule got progress {progress}, warmup {warmup} and rounds {rounds}; "
            "write 0 <= progress and 0 <= warmup < rounds."
        )
    if progress < warmup:
        return START + (1.0 - START) * progress / warmup
    return max(0.0, (rounds - progress) / (rounds - warmup))
