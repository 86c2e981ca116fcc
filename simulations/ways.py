"""Ways of working on one machine, and what a round takes in each.

A round in which n sites are asked takes about

    T = ceil(n / w) t + r t / w + (n (m + b / s) if w > 1 else 0)

seconds, with w processes in each of which a site's round takes t seconds while all work; r sites' rounds of
other federations, which go side by side, for each round of this one; and for messages between processes m
seconds each, b bytes, s bytes a second.
"""

import math
from dataclasses import dataclass

MESSAGE, SPEED = 1e-4, 4e9  # m and s, measured on two cores: 1 KB to 100 MB there and back through slabs
CLEARLY = 0.9  # of the time that the usual way takes; what is no better than that is chance


@dataclass(frozen=True)
class Load:
    """What a round is, as far as it matters here.

    Args:
        asked: n, sites.
        beside: r, sites' rounds.
        size: b, bytes of an order.
    """

    asked: int
    beside: float = 0.0
    size: int = 0


@dataclass(frozen=True)
class Way:
    """A way of working.

    Args:
        workers: w, processes; 1 is this one.
        threads: torch threads of each.
        seconds: t; None if it is not known.
    """

    workers: int
    threads: int
    seconds: float | None = None


def cost(way: Way, load: Load) -> float:
    """Return T in seconds; infinite where t is not known."""
    if way.seconds is None:
        return math.inf
    messages = load.asked * (MESSAGE + load.size / SPEED) if way.workers > 1 else 0.0
    return (math.ceil(load.asked / way.workers) + load.beside / way.workers) * way.seconds + messages


def choose(usual: Way, other: Way, load: Load) -> Way:
    """Return the usual way, or another that is clearly faster; where one is not known, the usual one."""
    known = usual.seconds is not None and other.seconds is not None
    return other if known and cost(other, load) < CLEARLY * cost(usual, load) else usual


def named(way: Way) -> str:
    """Return ``"2 workers of one thread"``."""
    threads = "one thread" if way.threads == 1 else f"{way.threads} threads"
    return f"{way.workers} workers of {threads}" if way.workers > 1 else f"one process of {threads}"


def lasting(seconds: float) -> str:
    """Return ``"1.2 s"``, ``"31 ms"`` or ``"0.4 ms"``."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else f"{1000 * seconds:.1f} ms"
