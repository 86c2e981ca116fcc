"""Clients that are not alike: who can be asked, who answers in time, how much of a round each trains.

All of it is drawn in public, as a function of (seed, round, site), and nothing waits: what would be a matter
of real time repeats, and ends with the same bits whatever the engine, after a crash as without.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from math import ceil, exp, log
from typing import Any

from isofed.config import within
from isofed.errors import CompositionError, ConfigError
from isofed.seeds import public
from isofed.strategies.arrivals import LAWS, duration
from isofed.suggest import pick

Windows = tuple[tuple[int, int | None], ...]
SILENT, SLOW = "it dropped out of the round", "it was not done by the deadline"
WHO = ("weights", "trace", "late")  # keys that say who can be asked
ANSWER = ("deadline", "dropouts")  # keys that say who of those answers


@dataclass(frozen=True)
class Uneven:
    """How clients differ; see :func:`uneven` for what each number means.

    Args:
        trace: by site, the rounds in which it can be asked, from the first to the last of each window, None
            for no last; a site that it does not name is always there.
    """

    weights: float = 0.0
    trace: tuple[tuple[str, Windows], ...] = ()
    late: float = 0.0
    joined: int = 0
    deadline: float = 0.0
    durations: str = "half_normal"
    spread: float = 0.0
    dropouts: float = 0.0
    steps: float = 1.0

    @property
    def neutral(self) -> bool:
        """Whether all clients are alike."""
        return not self.at_work

    @property
    def at_work(self) -> tuple[str, ...]:
        """The keys that make a difference."""
        usual = {each.name: each.default for each in fields(self)}
        return tuple(key for key in (*WHO, *ANSWER, "steps") if getattr(self, key) != usual[key])

    @property
    def windows(self) -> Mapping[str, Windows]:
        """The trace, by site."""
        return dict(self.trace)

    def weight(self, seed: int, site: str) -> float:
        """Return w_i = exp(weights · z_i), z_i from a normal distribution: how often a site is drawn."""
        return exp(self.weights * float(public(seed, 0, site, "weight").standard_normal()))

    def key(self, seed: int, round: int, site: str) -> float:
        """Return ln(u) / w_i, u evenly from 0 to 1: the sites with the M largest are the cohort.

        Who comes first is site i with chance w_i / Σ w, and so on among the rest.

        Source: Efraimidis and Spirakis, Weighted random sampling with a reservoir, Information Processing
        Letters 97(5), 2006, algorithm A, whose u^(1 / w) grows as this does.
        """
        return log(1.0 - float(public(seed, round, site, "cohort").random())) / self.weight(seed, site)

    def lasts(self, seed: int, round: int, site: str) -> float:
        """Return how long a site's training lasts, in mean rounds of a mean site; less where it does less."""
        whole = duration(LAWS[self.durations], self.spread)(seed, round - 1, site)
        return whole * self.share(seed, round, site)

    def stays(self, seed: int, round: int, site: str) -> float:
        """Return u, evenly from 0 to 1; the site drops out where it is below ``dropouts``."""
        return float(public(seed, round, site, "drops out").random())

    def share(self, seed: int, round: int, site: str) -> float:
        """Return which share of its steps a site takes in a round, evenly from ``steps`` to 1."""
        if self.steps == 1.0:
            return 1.0
        return 1.0 - (1.0 - self.steps) * float(public(seed, round, site, "steps").random())

    def taken(self, seed: int, round: int, site: str, whole: int) -> int:
        """Return how many of so many steps a site takes: ceil(share · whole), so at least one of any."""
        return ceil(self.share(seed, round, site) * whole)

    def on(self, recipe: Any, cohort: int, dp: Any) -> "Uneven | None":
        """Return this, or None where all clients are alike.

        Args:
            recipe: of the run, with its privacy steps.
            cohort: sites that a round asks; 0 for all.
            dp: how training at a site is made private, or None.

        Raises:
            CompositionError: it does not go with what else was chosen.
        """
        for refused in (self._own_pace, self._secret):
            keys, sentence = refused(recipe, dp)
            if clash := next((key for key in self.at_work if key in keys), None):
                raise CompositionError(f"clients.{clash} {sentence}")
        if self.weights and not cohort:
            raise CompositionError(
                "clients.weights says whom a cohort is drawn from, but every round asks all sites; write "
                "cohort=M, below the number of sites, or clients.weights=0"
            )
        return None if self.neutral else self

    def _own_pace(self, recipe: Any, dp: Any) -> tuple[tuple[str, ...], str]:
        named = f"does not go with strategy '{recipe.call}', which"
        if recipe.server.arrivals is not None:
            return (*WHO, *ANSWER), (
                f"{named} lets reports arrive in a virtual time of its own; set its durations, spread and "
                "concurrency, and leave this out"
            )
        if recipe.stock:
            return WHO, f"{named} chooses the sites of a round itself; leave this out, or use strategy=fedavg"
        return (), ""

    def _secret(self, recipe: Any, dp: Any) -> tuple[tuple[str, ...], str]:
        drawn = any(getattr(step.promise, "sampling", "") == "secret" for step in recipe.privacy)
        if drawn:
            return (*WHO, *ANSWER), (
                "is drawn in public, but privacy.sampling=secret counts on every site being asked by the same"
                " secret chance; write privacy.sampling=public, or leave this out"
            )
        if dp is not None:
            return (*ANSWER, "steps"), (
                f"does not go with dp={dp.unit}: a site plans its budget by the steps of every round, and"
                " has spent it whether its reply comes or not; write dp=none, or leave this out"
            )
        return (), ""


def even() -> Uneven:
    """All sites alike: all are there, take all their steps and answer in time."""
    return Uneven()


def uneven(
    weights: float = 0.0,
    trace: dict[str, Any] | None = None,
    late: float = 0.0,
    joined: int = 0,
    deadline: float = 0.0,
    durations: str = "half_normal",
    spread: float = 0.0,
    dropouts: float = 0.0,
    steps: float = 1.0,
) -> Uneven:
    """Sites that differ in when they are there, how fast they are, whether they answer and how much they do.

    Args:
        weights: how unlike the chances are with which a cohort is drawn, 0 to 10: site i has the weight
            exp(weights · z_i); 0 for all alike.
        trace: by site, a list of windows [from, to] of rounds in which it can be asked; to may be null.
        late: share of the sites, below 1, that are not there in the first round.
        joined: round, at least 2, by which all of those have joined, each in one drawn evenly; 0 for half of
            the run.
        deadline: D, at least 0: a reply counts if its training lasts at most D, in mean rounds of a mean
            site; 0 for none.
        durations: law of a training's length: half_normal, exponential or constant, each with mean 1.
        spread: how much sites differ in pace, exp(spread · z_i), 0 to 10; 0 for not at all.
        dropouts: chance, below 1, that a site that is asked gives no reply.
        steps: least share of a round's steps that a site takes, above 0; 1 for all steps.

    Raises:
        ConfigError: a number out of range, an unknown law, a trace that is none.
    """
    within("weights", weights, 0.0, 10.0)
    within("late", late, 0.0, 0.999)
    within("joined", joined, 0, 1e6)
    within("deadline", deadline, 0.0, 1e6)
    within("spread", spread, 0.0, 10.0)
    within("dropouts", dropouts, 0.0, 0.999)
    within("steps", steps, 1e-6, 1.0)
    pick("durations", durations, LAWS)
    if joined == 1:
        raise ConfigError("'joined' is 1, but who joins late is not there in round 1; write at least 2")
    found = _windows(trace or {})
    return Uneven(weights, found, late, joined, deadline, durations, spread, dropouts, steps)


CLIENTS: Mapping[str, Callable[..., Uneven]] = {"even": even, "uneven": uneven}


def _windows(trace: Mapping[str, Any]) -> tuple[tuple[str, Windows], ...]:
    return tuple(
        (str(site), tuple(_window(str(site), each) for each in _several(site, trace[site])))
        for site in sorted(trace, key=str)
    )


def _several(site: object, windows: Any) -> list[Any]:
    if not isinstance(windows, list | tuple) or not windows:
        raise ConfigError(f"the trace of '{site}' is {windows!r}, but must be a list of [from, to]")
    return list(windows)


def _window(site: str, window: Any) -> tuple[int, int | None]:
    if isinstance(window, list | tuple) and len(window) == 2 and type(window[0]) is int:
        first, last = window
        if first >= 1 and (last is None or (type(last) is int and last >= first)):
            return first, last
    raise ConfigError(
        f"the trace of '{site}' has {window!r}, but a window is [from, to], rounds counted from 1, from not "
        "after to, which may be null for ever"
    )


@cache  # asked for every site in every round
def joins(seed: int, site: str, latest: int) -> int:
    """Return the round that a late site joins in, drawn evenly from 2 to ``latest``."""
    return int(public(seed, 0, site, "joins").integers(2, latest + 1))


@cache
def rank(seed: int, site: str) -> float:
    """Return u, evenly from 0 to 1: the sites with the least are those that come late."""
    return float(public(seed, 0, site, "late").random())
