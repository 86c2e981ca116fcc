"""Every task's steps, taken by their operations, leave the bits that they leave otherwise."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cases import World
from dummies import DUMMIES
from test_tasks import TRAINED

from isofed.client import traced
from isofed.client.opened import _workshop
from isofed.simulations.federation import run
from isofed.simulations.pool import Pool

Worlds = Callable[[str], World]
DRAWS = ("micro_gesture",)
"""Tasks whose model draws random numbers in a step, so that none is traced."""


@pytest.mark.parametrize(
    "name", [name if name in DUMMIES else pytest.param(name, marks=pytest.mark.slow) for name in TRAINED]
)
def test_traced_steps_leave_the_same_bits(
    name: str, worlds: Worlds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traced, "OFTEN", 2)
    world, looked = worlds(name), list[bool]()
    listed_of = traced.listed_of

    def noted(*given: object) -> object:
        looked.append(False)
        found = listed_of(*given)  # type: ignore[arg-type]
        looked[-1] = True
        return found

    monkeypatch.setattr(traced, "listed_of", noted)
    found = []
    for way in (False, True):
        _workshop.cache_clear()
        federation = world.federation(tmp_path / str(way), {"name": "fedavg"}, world.sites[:2], rounds=2)
        found.append(run(replace(federation, traced=way), Pool(1))["weights_sha256"])
        assert bool(looked) is way
    assert found[0] == found[1]
    assert all(looked) is (name not in DRAWS)
