"""Who reports when: how long trainings last in virtual time, and whose reports make a server step.

Nothing here waits. What would be a race on real machines is a function of the run's seed, so that a run
repeats, goes on after a crash and ends with the same bits whatever the machine.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, pi, sqrt

import numpy as np

from isofed.config import within
from isofed.errors import CompositionError
from isofed.seeds import public
from isofed.suggest import pick

Duration = Callable[[int, int, str], float]

LAWS: Mapping[str, Callable[[np.random.Generator], float]] = {
    "half_normal": lambda draw: abs(float(draw.standard_normal())) * sqrt(pi / 2),
    "exponential": lambda draw: float(draw.standard_exponential()),
    "constant": lambda draw: 1.0,
}
"""How long a training lasts, with a mean of 1."""


@dataclass(frozen=True)
class Running:
    """A site that trains.

    Args:
        site: its name.
        began: the server step with whose model it began, 0 for the first model.
        until: when its report will arrive, in virtual time.
    """

    site: str
    began: int
    until: float


@dataclass(frozen=True)
class Flight:
    """What goes on at the moment of a server step.

    Args:
        clock: virtual time, in mean durations of a training.
        running: who trains, in the order in which they began.
    """

    clock: float = 0.0
    running: tuple[Running, ...] = ()


@dataclass(frozen=True)
class Cohort:
    """Whose reports make a server step.

    Args:
        began: by site, in the order of names, the server step with whose model it began.
        flight: what goes on when the last of them has arrived.
        missing: of those that were meant to be asked, who is not counted, and why.
        lasted: how long all that took in virtual time, or None where nobody minds.
    """

    began: Mapping[str, int]
    flight: Flight = field(default_factory=Flight)
    missing: Mapping[str, str] = field(default_factory=dict)
    lasted: float | None = None


@dataclass(frozen=True)
class Arrivals:
    """When reports arrive.

    M sites train at a time. Whoever reports waits in the buffer, and an idle site, drawn evenly, takes its
    place with the newest model; the K-th report makes the server step and empties the buffer. A site waits
    for the step that counts it before it may begin again, so that no step counts a site twice.

    Args:
        call: the call that made it.
        size: K, reports that make a step.
        concurrency: M, sites that train at a time; all where there are fewer.
        duration: (seed, server step with whose model it begins, site) to how long a training lasts, at least
            0. A site begins at most once between two steps, so this names every training.
    """

    call: str
    size: int
    concurrency: int
    duration: Duration = field(repr=False)

    def of(self, sites: int) -> int:
        """Return the reports that make a step among so many sites.

        A site alone has nobody to wait for: its every report makes a step.

        Raises:
            CompositionError: there are fewer sites than that, yet more than one.
        """
        if 1 < sites < self.size:
            raise CompositionError(
                f"a server step waits for {self.size} sites, but there are {sites}; set size to at most "
                f"{sites}"
            )
        return min(self.size, sites)

    def next(self, flight: Flight, step: int, sites: Sequence[str], seed: int) -> Cohort:
        """Let the clock run to the next server step.

        Args:
            flight: at the server step before.
            step: that step's number, 0 before the first.
            sites: all of them, in the order of their names.
            seed: the run's.

        Raises:
            CompositionError: see :meth:`of`.
        """
        size, clock, running, came = self.of(len(sites)), flight.clock, list(flight.running), dict[str, int]()
        draw = public(seed, step + 1, "", "arrivals")
        while len(came) < size:
            busy = {each.site for each in running} | set(came)
            while len(running) < self.concurrency and len(busy) < len(sites):
                site = _idle(sites, busy, draw)
                busy.add(site)
                running.append(Running(site, step, clock + self.duration(seed, step, site)))
            first = min(running, key=lambda each: each.until)  # of several the one that began first
            running.remove(first)
            clock, came[first.site] = first.until, first.began
        return Cohort(dict(sorted(came.items())), Flight(clock, tuple(running)))


def arrivals(size: int, concurrency: int, durations: str = "half_normal", spread: float = 0.0) -> Arrivals:
    """Return arrivals whose durations are drawn: pace_i · d, pace_i = exp(spread · z_i), d new each time.

    Args:
        size: K, at least 1.
        concurrency: M, at least K.
        durations: law of d, with mean 1: ``half_normal`` (paper), ``exponential`` or ``constant``.
        spread: how much sites differ in pace, at least 0; 0 for not at all (paper).

    Raises:
        ConfigError: an unknown law, a number out of range.
        CompositionError: fewer sites train than a step waits for.

    Source: Nguyen et al., Federated Learning with Buffered Asynchronous Aggregation, AISTATS 2022, section 5.
    """
    within("size", size, 1, 1e6)
    within("concurrency", concurrency, 1, 1e6)
    within("spread", spread, 0.0, 10.0)
    law = pick("durations", durations, LAWS)
    if concurrency < size:
        raise CompositionError(
            f"a server step waits for {size} sites, but only {concurrency} train at a time; set concurrency "
            f"to at least {size}"
        )

    call = f"arrivals(size={size}, concurrency={concurrency}, durations='{durations}', spread={spread})"
    return Arrivals(call, size, concurrency, duration(law, spread))


def duration(law: Callable[[np.random.Generator], float], spread: float) -> Duration:
    """Return how long trainings last: pace_i · d, pace_i = exp(spread · z_i), d new each time."""

    def lasts(seed: int, step: int, site: str) -> float:
        pace = exp(spread * float(public(seed, 0, site, "pace").standard_normal())) if spread else 1.0
        return pace * law(public(seed, step + 1, site, "duration"))

    return lasts


def everybody(sites: Sequence[str], step: int) -> Cohort:
    """Return the cohort of all sites, from the newest model."""
    return Cohort(dict.fromkeys(sites, step))


def some(sites: Sequence[str], step: int, size: int, seed: int) -> Cohort:
    """Return a cohort of ``size`` sites, every set of them as likely, from the newest model.

    Floyd's algorithm: for j from N - K to N - 1, t is drawn from 0 to j, and t joins, or j where t is in
    already. It costs K draws, however many sites there are.

    Args:
        sites: all N of them, in the order of their names.
        step: the server step before, 0 before the first.
        size: K, from 1 to N.
        seed: the run's.

    Source: Bentley and Floyd, Programming Pearls: A Sample of Brilliance, Communications of the ACM 30(9),
    1987, algorithm F2.
    """
    draw, chosen = public(seed, step + 1, "", "cohort"), set[int]()
    for last in range(len(sites) - size, len(sites)):
        number = int(draw.integers(last + 1))
        chosen.add(last if number in chosen else number)
    return everybody([sites[number] for number in sorted(chosen)], step)


def _idle(sites: Sequence[str], busy: set[str], draw: np.random.Generator) -> str:
    """Return one that is not busy, each as likely; drawn until found, so it costs nothing per site."""
    while True:
        site = sites[int(draw.integers(len(sites)))]
        if site not in busy:
            return site
