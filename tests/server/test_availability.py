"""Whom a round counts where sites are not alike."""

from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_rounds import begin, report, weights
from test_rounds import setting as usual

from isofed.errors import CompositionError, ConfigError
from isofed.population import Numbered
from isofed.server.availability import LISTED, check, least, there, uneven_cohort
from isofed.server.cohorts import drawn
from isofed.server.rounds import training_round
from isofed.server.state import ServerState
from isofed.strategies.named.robust import NAMED
from isofed.strategies.recipe import Recipe
from isofed.strategies.uneven import SILENT, SLOW, uneven

SITES = [f"s{number}" for number in range(9)]


def setting(cohort: int = 0, seed: int = 0, recipe: Any = None, rounds: int = 20, **values: Any) -> Any:
    made = recipe or Recipe("fedavg()")
    return SimpleNamespace(cohort=cohort, seed=seed, recipe=made, rounds=rounds, clients=uneven(**values))


KINDS = st.fixed_dictionaries(
    {},
    optional={
        "weights": st.floats(0.1, 3.0),
        "late": st.floats(0.1, 0.9),
        "deadline": st.floats(0.01, 2.0),
        "spread": st.floats(0.0, 2.0),
        "dropouts": st.floats(0.01, 0.99),
        "steps": st.floats(0.1, 0.9),
    },
)


@given(st.integers(0, 50), st.integers(0, 19), st.integers(0, 9), KINDS)
def test_a_round_is_a_function_of_seed_and_round(
    seed: int, step: int, cohort: int, values: dict[str, Any]
) -> None:
    made = setting(cohort, seed, **values)
    found = uneven_cohort(made, step, SITES)
    assert found == uneven_cohort(made, step, SITES) == drawn(ServerState(step, {}), made, SITES)
    counted, missing = set(found.began), set(found.missing)
    present = set(there(made, step + 1, SITES))
    assert counted and not counted & missing and counted | missing <= present
    assert len(counted | missing) == (min(cohort, len(present)) or len(present))
    assert list(found.began) == sorted(counted) and set(found.began.values()) == {step}
    assert not missing or values.keys() & {"deadline", "dropouts"}


@given(st.integers(0, 50), st.floats(0.05, 0.95))
def test_who_joins_late_stays(seed: int, share: float) -> None:
    made = setting(seed=seed, late=share, joined=7)
    rounds = [set(there(made, number, SITES)) for number in range(1, 21)]
    assert len(rounds[0]) == 9 - int(share * 9)
    assert all(before <= after for before, after in pairwise(rounds))
    assert rounds[6] == set(SITES)


def test_a_trace_says_who_is_there() -> None:
    made = setting(trace={"s0": [[1, 2], [5, None]], "s1": [[3, 3]]})
    present = [[site for site in ("s0", "s1", "s2") if site in there(made, n, SITES)] for n in range(1, 7)]
    assert present == [["s0", "s2"], ["s0", "s2"], ["s1", "s2"], ["s2"], ["s0", "s2"], ["s0", "s2"]]


def test_a_deadline_counts_who_is_done_and_says_how_long_it_took() -> None:
    made = setting(deadline=1.0, spread=1.0)
    for step in range(30):
        found = uneven_cohort(made, step, SITES)
        lasts = {site: made.clients.lasts(0, step + 1, site) for site in SITES}
        fast = {site for site in SITES if lasts[site] <= 1.0} or {min(SITES, key=lasts.__getitem__)}
        assert set(found.began) == fast and set(found.missing.values()) <= {SLOW}
        slowest = max(lasts[site] for site in fast)
        assert found.lasted == (max(1.0, slowest) if found.missing else slowest)


def test_about_as_many_drop_out_as_it_says() -> None:
    made = setting(dropouts=0.3)
    gone = [len(uneven_cohort(made, step, SITES).missing) for step in range(500)]
    assert abs(sum(gone) / (500 * 9) - 0.3) < 4 * (0.3 * 0.7 / 4500) ** 0.5


def test_a_rule_gets_as_many_as_it_needs() -> None:
    krum = NAMED["krum"](f=2)
    assert least(Recipe("fedavg()").rule) == 1 and least(krum.rule) == 7
    made = setting(recipe=krum, dropouts=0.9, deadline=0.01)
    assert all(len(uneven_cohort(made, step, SITES).began) >= 7 for step in range(20))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"trace": {"s11": [[1, 2]]}}, "clients.trace names 's11'"),
        ({"trace": {site: [[1, 4], [6, None]] for site in SITES}}, "in round 5 only 0 sites are there"),
        ({"trace": {site: [[2, None]] for site in SITES}}, "in round 1 only 0 sites"),
        (
            {"late": 0.5, "recipe": NAMED["krum"](f=2)},
            "in round 1 only 5 sites are there, .* a round needs 7",
        ),
    ],
)
def test_sites_with_which_a_round_could_not_be_are_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises((CompositionError, ConfigError), match=sentence):
        check(setting(**values), SITES)


def test_a_crowd_is_not_looked_through() -> None:
    crowd = Numbered(10**9)
    check(setting(cohort=3, dropouts=0.5, deadline=1.0), crowd)
    found = uneven_cohort(setting(cohort=3, dropouts=0.5, deadline=1.0), 0, crowd)
    assert len({**found.began, **found.missing}) == 3
    with pytest.raises(CompositionError, match=f"clients.late looks at every site.* at most {LISTED}"):
        check(setting(cohort=3, late=0.5), crowd)


def test_a_round_goes_on_with_those_who_answer_and_says_who_did_not() -> None:
    made = replace(usual(), clients=uneven(dropouts=0.5))
    round = training_round(begin(weights([0.0, 0.0])), made, SITES, 1, len(SITES))
    asked = [ask.site for ask in next(round)]
    assert 0 < len(asked) < len(SITES)
    with pytest.raises(StopIteration) as end:
        round.send([[(site, report(weights([1.0, 2.0]))) for site in asked]])
    outcome = end.value.value
    assert outcome.state.trees["model"]["w"].tolist() == [1.0, 2.0]
    assert outcome.arrived == {"missing": {site: SILENT for site in SITES if site not in asked}}
