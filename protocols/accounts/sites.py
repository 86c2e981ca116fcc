"""What the models of a run tell of one site: the server's noise, round by round, as one account."""

from collections.abc import Iterable, Mapping, Sequence

from isofed.protocols.accounts.library import Step
from isofed.protocols.step import Promise

Schedule = Mapping[str, Sequence[int]]


def spends(promise: Promise, rounds: int, sites: int, cohort: int, schedule: Schedule) -> tuple[Step, ...]:
    """Return what the site that is hidden least has spent after some rounds.

    Neighbours are runs in which one site's updates are zeros, or are not. Where sites are drawn in secret,
    each takes part with chance q = m / N, and who did is known to the server alone; else it is known, and
    counts as often as it did.

    Args:
        promise: of the run's privacy steps.
        rounds: done, at least 0.
        sites: N, of which each could have been asked.
        cohort: m, expected in a round where they are drawn in secret.
        schedule: rounds in which each was asked, counted from 1, where they are not.
    """
    if rounds == 0:
        return ()
    if promise.sampling == "secret":
        return (Step(min(cohort / sites, 1.0), promise.noise, rounds),)
    often = [[round for round in asked if round <= rounds] for asked in schedule.values()]
    if promise.mechanism == "tree":
        most = max((sensitivity(asked, rounds) for asked in often), default=0)
        # adaptive streams, too: Denisov et al., Improved Differential Privacy for SGD, 2022, theorem 2.1
        return (Step(1.0, promise.noise / most**0.5, 1),) if most else ()
    most = max(map(len, often), default=0)
    return (Step(1.0, promise.noise, most),) if most else ()


def sensitivity(asked: Iterable[int], rounds: int) -> int:
    """Return how far a site moves all nodes of the tree together, squared, in units of C: Σ_nodes k².

    k is how many of a node's rounds it took part in; nodes that are not complete are never used.

    Args:
        asked: its rounds, counted from 1.
        rounds: t, done.
    """
    found, part = 0, sorted(asked)
    for level in range(rounds.bit_length()):
        counts: dict[int, int] = {}
        for round in part:
            node = (round - 1) >> level
            if (node + 1) << level <= rounds:
                counts[node] = counts.get(node, 0) + 1
        found += sum(k * k for k in counts.values())
    return found


def everybody(sites: Iterable[str], rounds: int) -> Schedule:
    """Return the schedule of a run that asks every site in every round."""
    return dict.fromkeys(sites, range(1, rounds + 1))
