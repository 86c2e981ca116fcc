from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cases import CASES, World
from dummies import DUMMIES

from isofed.client.workshop import Workshop
from isofed.tasks import TASKS


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """Return a maker of worlds; every layout's data are drawn once."""
    roots: dict[str, Path] = {}

    def world(name: str) -> World:
        case = CASES[name]
        layout = {**TASKS, **DUMMIES}[name].layouts[case.layout]
        if case.layout not in roots:
            roots[case.layout] = tmp_path_factory.mktemp(case.layout) / "data"
            layout.make(roots[case.layout], 0, case.make, map, None)
        root = roots[case.layout]
        return World(name, root, root.parent / "homes", case)

    return world


@pytest.fixture
def kept_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let simulated sites keep their reports, as real ones do, for tests that look into them."""
    made = Workshop.memory
    monkeypatch.setattr(Workshop, "memory", lambda shop, place: replace(made(shop, place), answers=True))


@pytest.fixture(autouse=True, scope="module")
def _dummies_are_known() -> Iterator[None]:
    """Put the dummy tasks into the table that a configuration's names are looked up in."""
    with pytest.MonkeyPatch.context() as patch:
        for name, task in DUMMIES.items():
            patch.setitem(TASKS, name, task)
        yield
