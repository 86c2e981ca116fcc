"""The presets' files say what the table says, for every level and data set with every strategy."""

import functools
import itertools
from pathlib import Path
from typing import Any

import hydra
import pytest
from omegaconf import OmegaConf

from isofed.errors import CompositionError, ConfigError
from isofed.simulations import plan as plans
from isofed.simulations.command import _composing, check
from isofed.simulations.plan import make_plan
from isofed.simulations.refusals import options
from isofed.tasks.reid.presets import BUPTCAMPUS, HITSZ_VCM, ITEMS, OTHERS, PRESETS, table, values

CONF = Path(plans.__file__).parent / "conf"
FOLDERS = ("level", "data", "strategy", "level_strategy", "data_strategy")
PROTOCOLS = ("camera", "camera_strict", "entity", "sharing")
DATA = ("sysu", *HITSZ_VCM, *BUPTCAMPUS)
QUICK = {
    *itertools.product(("camera", "entity", "sharing"), ("sysu",), ("dppt", "fedavg")),
    *itertools.product(("camera",), ("sysu",), OTHERS),
    *itertools.product(("camera",), DATA, ("dppt",)),
}
# a file is for a level, for data, for a strategy, or for a strategy with one of the two: every such pair is
# met, with SYSU-MM01 or under `camera`
PAIRS = {
    *itertools.product(PROTOCOLS, ("sysu",), ("dppt", *OTHERS)),
    *itertools.product(("camera",), DATA, ("dppt", *OTHERS)),
}
COMBINATIONS = [
    pytest.param(preset, *chosen, marks=() if chosen in QUICK else pytest.mark.slow)
    for preset in PRESETS
    for chosen in sorted(PAIRS)
]


@pytest.fixture(scope="module", autouse=True)
def configuration() -> Any:
    with _composing():
        yield


def flat(values: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = isinstance(value, dict)
        found |= flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return found


@functools.cache
def composed(*words: str) -> dict[str, Any]:
    return OmegaConf.to_container(hydra.compose("simulate", list(words)), resolve=True)  # type: ignore[return-value]


@pytest.mark.parametrize(("preset", "protocol", "data", "strategy"), COMBINATIONS)
def test_the_files_say_what_the_table_says(preset: str, protocol: str, data: str, strategy: str) -> None:
    chosen = {"protocol": protocol, "data": data, "strategy": strategy}
    words = [f"{group}={name}" for group, name in chosen.items()]
    found, wanted = flat(composed(f"preset={preset}", *words)), values(preset, chosen)
    assert {key: (found[key], type(found[key])) for key in wanted} == {
        key: (value, type(value)) for key, value in wanted.items()
    }
    base = flat(composed("task=reid_resnet50", *words))
    assert set(found) == set(base), "a preset adds no key"
    assert {key for key in base if found[key] != base[key]} <= set(wanted), (
        "a preset sets what the table says"
    )


def test_disagreements_are_those_of_the_list() -> None:
    differ = {item.what.split(":")[0] for item in ITEMS if item.paper != item.released and ":" in item.what}
    assert differ == {"1", "2", "3", "4", "5", "6", "8", "10"}


def test_every_file_is_used_and_named_after_a_preset_and_choices() -> None:
    for folder in FOLDERS:
        groups = folder.replace("level", "protocol").split("_")
        known = ["_".join(names) for names in itertools.product(*map(options, groups))]
        for path in (CONF / "preset" / folder).glob("*.yaml"):
            preset, _, choices = path.stem.partition("_")
            assert preset in PRESETS and choices in known, path.stem
    assert {path.name for path in (CONF / "preset").iterdir()} == {
        *FOLDERS,
        "none.yaml",
        *(f"{p}.yaml" for p in PRESETS),
    }


def test_without_a_preset_nothing_changes() -> None:
    assert composed() == composed("preset=none")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("strategy", ["dppt", "fedavg", "fednova"])
def test_a_preset_is_a_whole_configuration(preset: str, strategy: str, tmp_path: Path) -> None:
    cfg = composed(f"preset={preset}", f"strategy={strategy}")
    plan = make_plan({key: value for key, value in cfg.items() if key != "hydra"}, tmp_path)
    options = plan.setting().options
    assert (options.height, options.width, options.dimensions) == (288, 144, 2048)
    assert options.batch_identities * options.batch_images == options.circle_divisor == 64
    assert options.backbone_rate == pytest.approx(options.head_rate / 10)


def test_what_is_written_beside_a_preset_wins() -> None:
    mine = composed("preset=released", "strategy.k=9", "rounds=3", "task.height=96", "task.peak_round=0")
    assert (mine["strategy"]["k"], mine["rounds"], mine["task"]["height"]) == (9, 3, 96)
    small = composed("preset=released", "task=reid")
    assert small["task"]["backbone"] == "small" and small["task"]["height"] == 96
    assert small["strategy"]["loss"] == "mixed"


def test_presets_can_be_swept_and_a_misspelt_one_is_told() -> None:
    check(["preset=paper,released", "task.precision=float32"], multirun=True)
    with pytest.raises(CompositionError, match="or run on a CUDA device"):
        check(["preset=paper", "engine.device=cpu"])
    with pytest.raises(ConfigError, match="did you mean 'released'"):
        check(["preset=relesed"])


def test_the_readme_has_the_table() -> None:
    readme = (CONF.parents[1] / "tasks" / "reid" / "README.md").read_text(encoding="utf-8")
    assert "\n".join(table()) in readme
