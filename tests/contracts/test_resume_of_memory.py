"""Every algorithm, above all those that remember: a run cut short ends with the bits of a whole one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import World
from cut_short import Killed
from test_equivalences import final

from isofed.client import opened
from isofed.client.memory import Memory
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError
from isofed.simulations.federation import Federation, run
from isofed.simulations.pool import Pool
from isofed.strategies.named import STRATEGIES

Worlds = Callable[[str], World]
WORLDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("batch_loss", {}),
    ("two_outputs", {}),
    ("reid", {}),
    ("reid", {"momentum": 0.0}),
    ("reid", {"keep_momentum": False}),
)
"""The cheapest first; an algorithm is run in the first one that has what it needs."""

ALL: tuple[Mapping[str, Any], ...] = (
    *({"name": name} for name in STRATEGIES if name != "feddf"),
    {"name": "apfl", "adaptive": True},
    {"name": "scaffold", "option": "one"},
    {"name": "feddf", "steps": 3, "batch": 8},
)
"""Every algorithm as it is by default, and as it remembers more, or in less time."""


def federations(strategy: Mapping[str, Any], worlds: Worlds, public: Path) -> Callable[[Path], Federation]:
    """Return what makes federations of an algorithm, in the first world that does not refuse it."""
    refusals = []
    for task, options in WORLDS:
        world = worlds(task)
        cfg = {**world.cfg(strategy, 3, **options), "evaluate_every": 0}
        try:
            setting = Workshop.of(json.dumps(cfg)).setting
        except CompositionError as error:
            refusals.append(str(error))
            continue
        if setting.recipe.learns:
            world.layout.make(public, 1, world.case.make, map, None)
        some = world.federation(Path(), strategy, world.sites[:2], 3, **options)
        return lambda folder: replace(some, cfg=cfg, folder=folder, public=public)
    raise AssertionError(f"no world suits {strategy}: {refusals}")


def ended(federation: Federation, emit: Any = lambda name, **fields: None) -> str:
    """Run as a new process would: with nothing but what lies on the disk."""
    opened._workshop.cache_clear()
    return str(run(federation, Pool(1), emit)["weights_sha256"])


def kill(name: str, **fields: Any) -> None:
    """End it when the first reply of round 3 has come."""
    if name == "reply" and fields["round"] == 3:
        raise Killed


def check(make: Callable[[Path], Federation], folder: Path) -> Federation:
    """Play a run whole, and cut short and resumed; return the whole one."""
    whole, cut = make(folder / "whole"), make(folder / "cut")
    wanted = ended(whole)
    with pytest.raises(Killed):
        ended(cut, kill)
    assert final(cut).round == 2 and not cut.done
    assert ended(cut) == wanted
    one, other = (final(federation).optimiser for federation in (whole, cut))
    assert set(one) == set(other)
    for part, tree in one.items():
        assert all(np.array_equal(array, other[part][leaf]) for leaf, array in tree.items())
    return whole


@pytest.mark.parametrize(
    "strategy",
    [each if at % 4 == 0 else pytest.param(each, marks=pytest.mark.slow) for at, each in enumerate(ALL)],
    ids=str,
)
def test_resume_equals_no_crash(strategy: Mapping[str, Any], worlds: Worlds, tmp_path: Path) -> None:
    check(federations(strategy, worlds, tmp_path / "public"), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "section"), [("ditto", "tethered"), ("apfl", "mixture"), ("pfedme", "envelope")]
)
def test_a_model_of_the_sites_own_has_the_sites_private_head(
    name: str, section: str, worlds: Worlds, tmp_path: Path
) -> None:
    world = worlds("reid").strict
    whole = check(lambda folder: world.federation(folder, {"name": name}, world.sites[:2], 3), tmp_path)
    kept: Any = Memory(whole.memory("cam1")).load("3.1")
    assert kept[f"term.{section}"]["head.weight"].shape == kept["own"]["head.weight"].shape
