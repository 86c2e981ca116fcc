"""No test measures how fast a machine is: how long to wait at most, and how where time is the subject."""

from collections.abc import Callable

LONG = 120.0  # seconds after which a test gives up what a quick machine does at once
PACES = (1, 4, 16, 64)


def at_some_pace(trial: Callable[[int], None]) -> None:
    """Pass where a trial does that multiplies all its times by a pace; a busy machine needs a slower one."""
    for pace in PACES[:-1]:
        try:
            return trial(pace)
        except Exception:
            continue
    trial(PACES[-1])
