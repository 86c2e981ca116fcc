"""What strict cameras refuse, on either side."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cases import World

from isofed.client.place import Place
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError, ContractError
from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.setting import build
from isofed.strategies.named import STRATEGIES
from isofed.tasks import TASKS

Worlds = Callable[[str], World]


@pytest.mark.parametrize(
    "strategy, centres, sentence",
    [
        (
            "dppt",
            "plain",
            "under protocol 'camera_strict' every site numbers people for itself, but strategy "
            "'{call}' averages rows by number; use strategy=cgpr protocol.centres=plain, which "
            "matches them, or strategy=fedavg",
        ),
        (
            "cgpr",
            "level",
            "protocol 'camera_strict' keeps identity centres at the site, but the strategy sends them in "
            "channel 'centres'; use strategy=fedavg or protocol=camera_strict protocol.centres=plain",
        ),
        (
            "l2rwplus",
            "level",
            "protocol 'camera_strict' keeps identity centres at the site, but the strategy sends them in "
            "channel 'centres'; use strategy=fedavg or protocol=camera_strict protocol.centres=with_rows",
        ),
        (
            "l2rwplus",
            "plain",
            "protocol 'camera_strict' keeps identity head rows at the site, but the strategy sends them in "
            "channel 'rows'; use strategy=fedavg or protocol=camera_strict protocol.centres=with_rows",
        ),
        (
            "lgfedavg",
            "level",
            "strategy '{call}' shares the head alone, but under protocol 'camera_strict' heads stay at the "
            "sites, so that nothing would be learnt together; use strategy=fedper or protocol=camera",
        ),
    ],
)
def test_what_strict_cameras_keep_is_refused(
    strategy: str, centres: str, sentence: str, worlds: Worlds
) -> None:
    cfg = worlds("reid").strict.cfg({"name": strategy})
    cfg["protocol"]["centres"] = centres
    with pytest.raises(CompositionError) as error:
        Workshop.of(json.dumps(cfg)).contract(None)
    assert str(error.value) == sentence.replace("{call}", STRATEGIES[strategy]().call)


@pytest.mark.parametrize(
    "agreed, wanted, allowed",
    [
        ("level", "plain", False),
        ("none", "plain", False),
        ("plain", "with_rows", False),
        ("plain", "plain", True),
        ("with_rows", "plain", True),
        ("plain", "level", True),
    ],
)
def test_a_site_lets_out_what_it_agreed_to_and_no_more(
    agreed: str, wanted: str, allowed: bool, worlds: Worlds
) -> None:
    cfg = worlds("reid").strict.cfg({"name": "fedavg"})
    cfg["protocol"]["centres"] = wanted
    setting = build(cfg, TASKS, STRATEGIES, LEVELS, LevelOptions)
    place = Place("cam1", Path("r"), Path("h"), Path("m"), "camera_strict", 2, centres=agreed)
    if allowed:
        place.allow(setting, "trainer")
        return
    with pytest.raises(
        ContractError, match=f"centres '{wanted}', but cam1 agreed to 'camera_strict' with at"
    ):
        place.allow(setting, "trainer")


@pytest.mark.parametrize("strategy", ["dppt", "l2rwplus"])
def test_a_camera_without_centres_says_which_key_lets_them_out(strategy: str, worlds: Worlds) -> None:
    cfg = worlds("reid").cfg({"name": strategy})
    cfg["protocol"]["centres"] = "none"
    with pytest.raises(CompositionError, match=r"use strategy=fedavg or protocol\.centres=level$"):
        Workshop.of(json.dumps(cfg)).contract(None)


def test_a_task_without_a_head_has_no_strict_cameras(worlds: Worlds) -> None:
    with pytest.raises(CompositionError, match="does not run under protocol 'camera_strict'"):
        Workshop.of(json.dumps(worlds("batch_loss").strict.cfg({"name": "fedavg"})))
