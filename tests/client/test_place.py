from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from isofed.client.place import EVALUATOR, TRAINER, Place
from isofed.errors import ConfigError, ContractError
from isofed.protocols.levels import LEVELS, LevelOptions

CONFIG = {
    "site": "cam1",
    "role": TRAINER,
    "root": "r",
    "home": "h",
    "memory": "m",
    "level": "camera",
    "min_images": 3,
}


def setting(level: str, min_images: int) -> Any:
    return SimpleNamespace(level=LEVELS[level], level_options=LevelOptions(min_images))


def test_a_node_says_what_it_agreed_to() -> None:
    place = Place.of(CONFIG)
    assert place == Place("cam1", Path("r"), Path("h"), Path("m"), "camera", 3, TRAINER)
    place.allow(setting("camera", 3), TRAINER)
    place.allow(setting("camera", 4), TRAINER)


@pytest.mark.parametrize("level, fewest", [("sharing", 3), ("entity", 3), ("camera", 2)])
def test_a_run_that_lets_out_more_is_refused(level: str, fewest: int) -> None:
    with pytest.raises(ContractError, match="cam1 agreed to 'camera' with at least 3 and 'level'"):
        Place.of(CONFIG).allow(setting(level, fewest), TRAINER)


def test_nobody_does_the_work_of_another_role() -> None:
    with pytest.raises(ContractError, match="cam1 is trainer, but the order is for role evaluator"):
        Place.of(CONFIG).allow(setting("camera", 3), EVALUATOR)
    with pytest.raises(ContractError, match="ask another node"):
        replace(Place.of(CONFIG), role=EVALUATOR).allow(setting("camera", 3), TRAINER)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(ConfigError, match="lacks level"):
        Place.of({key: value for key, value in CONFIG.items() if key != "level"})
