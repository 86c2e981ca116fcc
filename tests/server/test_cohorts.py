"""Who is asked: all, a cohort, or whoever's report arrives."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from test_rounds import begin, report, weights
from test_rounds import setting as usual

from isofed.errors import CompositionError
from isofed.records import Delta
from isofed.server.cohorts import asked, drawn, enough
from isofed.server.rounds import training_round
from isofed.server.state import ServerState
from isofed.strategies.arrivals import arrivals
from isofed.strategies.named.drift import scaffold
from isofed.strategies.optimisers import sgd

SITES = [f"s{number}" for number in range(6)]


def setting(cohort: int, pace: Any = None, seed: int = 0) -> Any:
    recipe = SimpleNamespace(server=SimpleNamespace(arrivals=pace))
    return SimpleNamespace(cohort=cohort, seed=seed, recipe=recipe, clients=None)


def test_how_many_are_asked() -> None:
    assert [asked(setting(cohort), 6) for cohort in (0, 1, 6)] == [6, 1, 6]
    assert asked(setting(0, arrivals(2, 3)), 6) == 2
    with pytest.raises(CompositionError) as error:
        asked(setting(7), 6)
    assert str(error.value) == (
        "'cohort' is 7, but there are 6 sites; write at most cohort=6, or cohort=0 for all"
    )
    with pytest.raises(CompositionError, match="but there is 1 site; write at most cohort=1"):
        enough(2, 1)


def test_who_is_asked() -> None:
    state = ServerState(3, {})
    assert list(drawn(state, setting(0), SITES).began) == SITES
    some = drawn(state, setting(2), SITES)
    assert len(some.began) == 2 and set(some.began.values()) == {3}
    assert some == drawn(state, setting(2), SITES) != drawn(ServerState(4, {}), setting(2), SITES)
    late = drawn(state, setting(0, arrivals(2, 3)), SITES)
    assert len(late.began) == 2 and len(late.flight.running) == 2


def test_the_share_of_sites_is_that_of_all_there_are() -> None:
    heard: list[float] = []
    plain = sgd()

    def step(direction: Any, state: Any, round: int, part: float) -> Any:
        heard.append(part)
        return plain.step(direction, state, round, part)

    recipe = scaffold()
    (channel,) = recipe.trees
    recipe = replace(recipe, server=replace(plain, step=step))
    start = begin(weights([0.0, 0.0]))
    start = replace(start, trees={**start.trees, channel: weights([1.0, 1.0])})
    made = replace(usual(recipe), cohort=2)
    round = training_round(start, made, SITES, 1, 2)
    sent = {channel: Delta(weights([3.0, 6.0]))}
    replies = [(ask.site, report(weights([1.0, 2.0]), **sent)) for ask in next(round)]
    with pytest.raises(StopIteration) as end:
        round.send([replies])
    assert len(replies) == 2 and heard == [2 / 6]
    # c + (1 / N) times the sum over who was heard
    assert end.value.value.state.trees[channel]["w"].tolist() == [1.0 + 2 * 3 / 6, 1.0 + 2 * 6 / 6]
