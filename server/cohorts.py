"""Who is asked in a round, of all sites that there are."""

from collections.abc import Sequence

from isofed.errors import CompositionError
from isofed.server.state import ServerState
from isofed.setting import Setting
from isofed.strategies.arrivals import Cohort, everybody, some


def drawn(state: ServerState, setting: Setting, sites: Sequence[str]) -> Cohort:
    """Return whose reports make the next step, and from which models they begin.

    It is a function of the state, the setting and the sites alone: an attempt that is made again, and a run
    that goes on, ask the same.

    Args:
        state: after the round before.
        setting: its strategy may have a pace of its own; else its ``cohort`` counts.
        sites: all of them, in the order of their names.
    """
    arrivals = setting.recipe.server.arrivals
    if arrivals is not None:
        return arrivals.next(state.flight, state.round, sites, setting.seed)
    if setting.cohort == 0:
        return everybody(sites, state.round)
    return some(sites, state.round, asked(setting, len(sites)), setting.seed)


def asked(setting: Setting, sites: int) -> int:
    """Return how many of so many sites are asked in a round.

    Raises:
        CompositionError: there are fewer sites than that.
    """
    arrivals = setting.recipe.server.arrivals
    if arrivals is not None:
        return int(arrivals.of(sites))
    return enough(setting.cohort, sites) or sites


def enough(cohort: int, sites: int) -> int:
    """Return ``cohort`` if there are so many sites.

    Raises:
        CompositionError: there are fewer.
    """
    if cohort > sites:
        there = "is 1 site" if sites == 1 else f"are {sites} sites"
        raise CompositionError(
            f"'cohort' is {cohort}, but there {there}; write at most cohort={sites}, or cohort=0 for all"
        )
    return cohort
