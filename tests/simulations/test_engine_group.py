"""What the engine group's ``auto`` stands for at once, and what is left to a measurement."""

from typing import Any

import pytest

from isofed.errors import ConfigError
from isofed.simulations import engine as engines
from isofed.simulations.engine import AUTO, Engine, read_engine, undecided

BOTH = {"name": "local", "workers": AUTO, "threads_per_client": AUTO, "device": "cpu"}


def left(**changes: Any) -> tuple[Engine, set[str]]:
    """Return the group as it is read, and what of it is undecided."""
    given = {**BOTH, **changes}
    engine = read_engine(dict(given))
    return engine, set(undecided(given, engine))


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four cores."""
    monkeypatch.setattr(engines, "cores", lambda: 4)


def test_what_is_taken_until_it_was_measured() -> None:
    assert left() == (Engine(4, 1), {"workers", "threads_per_client"})
    assert left(threads_per_client=1) == (Engine(4, 1), {"workers"})
    assert left(threads_per_client=2) == (Engine(2, 2), {"workers"})
    assert left(workers=2) == (Engine(2, 1), {"threads_per_client"})
    assert left(workers=3, threads_per_client=2) == (Engine(3, 2), set())


def test_where_there_is_one_way_it_is_taken() -> None:
    assert left(threads_per_client=4) == (Engine(1, 4), set())
    assert left(threads_per_client=9) == (Engine(1, 9), set())
    assert left(workers=4) == left(workers=4, threads_per_client=1) == (Engine(4, 1), set())


def test_one_core_is_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "cores", lambda: 1)
    assert left() == (Engine(1, 1), set())


def test_others_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert left(together=2) == (Engine(4, 1, together=2), set())
    monkeypatch.setattr(engines, "find_spec", lambda name: name)
    assert left(name="ray") == (Engine(4, 1), set())
    monkeypatch.setattr(engines, "_device", lambda name: "cuda:0")
    assert left() == (Engine(4, 1, "cuda:0"), set())


@pytest.mark.parametrize("key", ["workers", "threads_per_client"])
def test_a_word_that_is_no_number_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match=f"'engine.{key}' is 'many', but must be a whole number or auto"):
        left(**{key: "many"})
    with pytest.raises(ConfigError, match=f"'engine.{key}' is 0, but must lie between 1 and 256"):
        left(**{key: 0})
