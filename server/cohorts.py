"""Who is asked in a round, of all sites that there are."""

from collections.abc import Sequence

import numpy as np

from isofed.errors import CompositionError
from isofed.protocols.pipeline import Pipeline
from isofed.seeds import Secrets
from isofed.server.availability import uneven_cohort
from isofed.server.state import ServerState
from isofed.setting import Setting
from isofed.strategies.arrivals import Cohort, everybody, some


def drawn(
    state: ServerState, setting: Setting, sites: Sequence[str], secrets: Secrets | None = None
) -> Cohort:
    """Return whose reports make the next step, and from which models they begin.

    It is a function of the state, the setting, the sites and the secrets alone: an attempt that is made
    again, and a run that goes on, ask the same.

    Args:
        state: after the round before.
        setting: its strategy may have a pace of its own; else its ``cohort`` counts.
        sites: all of them, in the order of their names.
        secrets: the server's own, where who is asked is nobody else's to know.
    """
    if mean := expected(setting):
        return _by_chance(state, sites, mean, secrets)
    arrivals = setting.recipe.server.arrivals
    if arrivals is not None:
        return arrivals.next(state.flight, state.round, sites, setting.seed)
    if setting.clients is not None:
        return uneven_cohort(setting, state.round, sites)
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


def expected(setting: Setting) -> int:
    """Return how many sites a round asks on average where each is asked by a secret chance, else 0.

    Raises:
        CompositionError: the run does not say how many.
    """
    promise = Pipeline(getattr(setting.recipe, "privacy", ())).promise
    if promise is None or promise.sampling == "public":
        return 0
    if setting.cohort == 0 or setting.recipe.server.arrivals is not None:
        raise CompositionError(
            "privacy.sampling=secret hides who is asked in a round, but this run asks everybody, or whoever "
            "reports; write cohort=M, well below the number of sites, or privacy.sampling=public"
        )
    return setting.cohort


def _by_chance(state: ServerState, sites: Sequence[str], mean: int, secrets: Secrets | None) -> Cohort:
    """Return a cohort in which each site is with the same chance, whatever the others: a Poisson sample."""
    assert secrets is not None  # a pipeline that draws on the sum has asked for them
    chance = enough(mean, len(sites)) / len(sites)
    draws = secrets.generator(state.round + 1, 0, "who is asked").random(len(sites))
    return Cohort({sites[int(place)]: state.round for place in np.flatnonzero(draws < chance)})


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
