from pathlib import Path

import numpy as np
import pytest

from isofed.contracts import TableContract, TreeContract
from isofed.errors import CompositionError, ConfigError, ContractError
from isofed.protocols.levels import (
    CENTRE_CHOICES,
    CENTRES,
    CONTROL,
    LEVELS,
    NUMBERS,
    ROWS,
    STATE,
    LevelOptions,
    allowed,
    contract,
)
from isofed.trees import Layout, from_arrays

PAGE = Path(__file__).resolve().parents[2] / "docs" / "levels.md"
TREES = {"model": from_arrays({"w": np.zeros(2, np.float32)}).layout}
TABLES = {"centres": (CENTRES, 5, 3)}


@pytest.mark.parametrize("name", ["camera", "entity", "sharing"])
def test_centres_leave_with_their_minimum(name: str) -> None:
    agreed = contract(LEVELS[name], LevelOptions(4), TREES, TABLES)
    assert agreed.level == name and agreed.numbers == NUMBERS
    assert agreed.channels == {
        "model": TreeContract("value", TREES["model"], "model_state"),
        "centres": TableContract(5, 3, 4, CENTRES),
    }


def test_a_strict_camera_keeps_its_centres_and_says_what_to_use() -> None:
    with pytest.raises(CompositionError) as error:
        contract(LEVELS["camera_strict"], LevelOptions(), TREES, TABLES)
    assert str(error.value) == (
        "protocol 'camera_strict' keeps identity centres at the site, but the strategy sends them in channel "
        "'centres'; use strategy=fedavg or protocol=camera_strict protocol.centres=plain"
    )


def test_a_strict_camera_sends_a_model() -> None:
    assert set(contract(LEVELS["camera_strict"], LevelOptions(), TREES, {}).channels) == {"model"}


def test_a_number_of_a_user_s_own_rule_may_leave_and_is_named() -> None:
    agreed = contract(LEVELS["camera"], LevelOptions(), TREES, {}, numbers=("square", "sharpness"))
    assert agreed.numbers["square"].low == 0.0
    agreed.numbers["sharpness"].check("sharpness", -3.5)
    assert "'sharpness'" in agreed.numbers["sharpness"].meaning
    with pytest.raises(ContractError, match="number 'sharpness' is not a finite number"):
        agreed.numbers["sharpness"].check("sharpness", float("nan"))


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_what_no_level_knows_stays(level: object) -> None:
    with pytest.raises(CompositionError, match="image features at the site, as every level does"):
        contract(level, LevelOptions(), TREES, {"x": ("image_features", 5, 3)})  # type: ignore[arg-type]


def test_every_level_says_who_is_a_client_and_what_never_leaves() -> None:
    for name, level in LEVELS.items():
        assert level.name == name and level.client and level.leaves
    for name in ("camera", "camera_strict", "entity"):
        assert {"images", "file names and paths"} <= set(LEVELS[name].never)


@pytest.mark.parametrize("fewest", [0, -1])
def test_a_minimum_below_one_is_refused(fewest: int) -> None:
    with pytest.raises(ConfigError, match="'min_images' is"):
        LevelOptions(fewest)


@pytest.mark.parametrize(
    "level, centres, expected",
    [
        ("camera_strict", "level", {STATE}),
        ("camera_strict", "plain", {STATE, CENTRES}),
        ("camera_strict", "with_rows", {STATE, CENTRES, ROWS}),
        ("camera", "level", {STATE, CENTRES, ROWS}),
        ("camera", "none", {STATE}),
    ],
)
def test_centres_leave_as_the_user_says(level: str, centres: str, expected: set[str]) -> None:
    assert allowed(LEVELS[level], LevelOptions(2, centres)) == expected | {CONTROL}


def test_what_centres_and_errors_tell_is_declared() -> None:
    for name in ("camera", "entity"):
        leaves = "; ".join(LEVELS[name].leaves)
        for said in ("1/min_images", "which people a client saw", "goes on to all others", "counts"):
            assert said in leaves
    assert "counts" in "; ".join(LEVELS["camera_strict"].leaves)
    assert "one process" in "; ".join(LEVELS["sharing"].leaves)


@pytest.mark.parametrize("name", LEVELS)
def test_the_page_says_of_a_level_what_the_code_says(name: str) -> None:
    level, camera = LEVELS[name], LEVELS["camera"]
    alike = name != "camera" and level.leaves == camera.leaves
    leaves = "as `camera`" if alike else "; ".join(level.leaves)
    never = "as `camera`" if alike else "; ".join(level.never) or "nothing is kept from anybody"
    row = f"| `{name}` | {level.client} | {leaves} | {never} |"
    assert row in PAGE.read_text(encoding="utf-8").splitlines()


def test_a_strict_camera_keeps_its_head() -> None:
    strict, trees = (
        LEVELS["camera_strict"],
        {"model": from_arrays({"head.w": np.zeros(2, np.float32)}).layout},
    )
    with pytest.raises(CompositionError, match="keeps the head at the site, but the strategy shares it"):
        contract(strict, LevelOptions(), trees, {}, ("head.",))
    assert set(contract(strict, LevelOptions(), TREES, {}, ("head.",)).channels) == {"model"}
    assert set(contract(LEVELS["camera"], LevelOptions(), trees, {}, ("head.",)).channels) == {"model"}


def test_a_strategy_of_which_nothing_leaves_is_refused() -> None:
    nothing = {"model": Layout.of([]), "buffers": Layout.of([])}
    with pytest.raises(CompositionError, match="nothing would leave a site"):
        contract(LEVELS["camera"], LevelOptions(), nothing, {})
    assert contract(LEVELS["camera"], LevelOptions(), nothing, {"centres": (CENTRES, 3, 2)}).channels


@pytest.mark.parametrize("name", ["camera", "camera_strict", "entity"])
def test_a_closed_level_keeps_heads_and_centres_whatever_is_asked_for(name: str) -> None:
    closed = LEVELS[name].closed()
    assert closed.name == name and closed.private_head and not closed.opens
    for choice in CENTRE_CHOICES:
        assert allowed(closed, LevelOptions(2, choice)) == {STATE, CONTROL}
    assert not any("centres" in line for line in closed.leaves)
    assert "the head and identity centres" in "; ".join(closed.never)
    with pytest.raises(CompositionError, match=r"identity centres at the site, .*; use strategy=fedavg$"):
        contract(closed, LevelOptions(), TREES, TABLES)
    with pytest.raises(CompositionError, match=r"centres=plain lets identity centres out.*centres=level$"):
        contract(closed, LevelOptions(2, "plain"), TREES, {})


def test_where_nothing_leaves_there_is_nothing_to_close() -> None:
    assert LEVELS["sharing"].closed() is LEVELS["sharing"]
