"""Who is asked: all, a cohort, or whoever's report arrives."""

from types import SimpleNamespace
from typing import Any

import pytest

from isofed.errors import CompositionError
from isofed.server.cohorts import asked, drawn, enough
from isofed.server.state import ServerState
from isofed.strategies.arrivals import arrivals

SITES = [f"s{number}" for number in range(6)]


def setting(cohort: int, pace: Any = None, seed: int = 0) -> Any:
    recipe = SimpleNamespace(server=SimpleNamespace(arrivals=pace))
    return SimpleNamespace(cohort=cohort, seed=seed, recipe=recipe)


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
