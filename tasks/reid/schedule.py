"""Learning rate over the rounds: a straight line up and a straight line down, or stairs."""

from isofed.errors import ConfigError

START = 1e-4  # share of the peak at which the first step begins
FLIGHT = 10  # rounds of warm-up by stairs
LOWER = ((20, 0.1), (50, 0.01))  # from which round on, and the share of the peak


def peak(fixed: float, warmup: float, rounds: float) -> float:
    """Return W, the round at which the rate peaks: ``fixed``, or ``warmup`` times ``rounds`` where that is 0.

    Args:
        fixed: the same round whatever the length of the run, 0 <= fixed < rounds; 0 for none.
        warmup: share of all rounds, 0 <= warmup < 1.
        rounds: R, rounds of the whole run.

    Raises:
        ConfigError: the run ends before the fixed round.

    Source: the released code of L2RW has its peak at round 16 of 50 and of 30, its successor at 16 of 100.

    Example:
        >>> peak(16, 0.35, 30), peak(0, 0.35, 20)
        (16, 7.0)
    """
    if not fixed:
        return warmup * rounds
    if fixed >= rounds:
        raise ConfigError(
            f"'peak_round' is {fixed:g}, but the run has {rounds:g} rounds; give it more, or write "
            "task.peak_round=0 for a peak after 'warmup' times the rounds"
        )
    return fixed


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


def stairs(progress: float) -> float:
    """Return the share of the peak learning rate in round e = floor(progress), whatever the run's length.

    (e + 1) / 10 in the first ten rounds, 1 up to round 19, 0.1 up to round 49, and 0.01 from there on.

    Args:
        progress: rounds done so far, fractions counting the steps of the current round, >= 0.

    Source: the released entity-sharing baselines of L2RW (baseline, AGW, CAJ), which follow Ye et al., TPAMI
    2022; their rounds are epochs, 30 in all.

    Example:
        >>> stairs(0.9), stairs(19.5), stairs(20)
        (0.1, 1.0, 0.1)
    """
    done = int(progress)
    if done < LOWER[0][0]:
        return min(1.0, (done + 1) / FLIGHT)
    return [share for first, share in LOWER if done >= first][-1]
