"""The saved configuration, and that YAML files and dataclasses say the same."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from isofed.errors import CompositionError, ConfigError, DataError
from isofed.protocols.levels import LEVELS, LevelOptions
from isofed.simulations import command
from isofed.simulations import engine as engines
from isofed.simulations import plan as plans
from isofed.simulations.compare.settings import UNDIVIDED
from isofed.simulations.data_group import Data
from isofed.simulations.engine import ENGINES, Engine
from isofed.simulations.folder import claim, load_config
from isofed.simulations.plan import FEDERATED, Switches, make_plan
from isofed.tasks import TASKS
from isofed.tasks.partitions import Partition

CONF = Path(plans.__file__).parent / "conf"
LAYOUTS = {name: layout for task in TASKS.values() for name, layout in task.layouts.items()}


def composed(*overrides: str) -> dict[str, Any]:
    """Compose the configuration as the command does."""
    return dict(command.composed(list(overrides)))


def written(path: str) -> dict[str, Any]:
    """Read a YAML file of the configuration."""
    values: Any = OmegaConf.to_container(OmegaConf.load(CONF / path))
    return {key: value for key, value in values.items() if key not in ("name", "defaults", "hydra")}


def defaults(schema: type[Any]) -> dict[str, Any]:
    """Return the fields of a dataclass with their defaults."""
    return {field.name: field.default for field in dataclasses.fields(schema)}


def alike(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Equal names, values and types."""
    assert found == expected
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in expected.items()}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_s_file_says_what_its_dataclass_says(name: str) -> None:
    said = written(f"task/{name}.yaml")
    # a file that chooses data and a strategy as well has its options under a key
    alike({k: v for k, v in said.get("task", said).items() if k != "name"}, defaults(TASKS[name].options))


@pytest.mark.parametrize("name", LEVELS)
def test_a_level_s_file_says_what_its_dataclass_says(name: str) -> None:
    alike(written(f"protocol/{name}.yaml"), defaults(LevelOptions))


@pytest.mark.parametrize("path", sorted((CONF / "data").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_layout_s_file_says_what_its_dataclasses_say(path: Path) -> None:
    values = written(f"data/{path.name}")
    made = values.pop("make")
    assert values.pop("layout") == path.stem
    apart = {"layout", "make", *defaults(Partition)}
    alike(values, {k: v for k, v in defaults(Data).items() if k not in apart})
    alike(made, defaults(LAYOUTS[path.stem].options))


def test_every_layout_has_a_file() -> None:
    assert {path.stem for path in (CONF / "data").glob("*.yaml")} == set(LAYOUTS)


def test_the_engine_and_the_switches_have_the_same_names() -> None:
    assert set(written("engine/local.yaml")) == set(defaults(Engine))
    values = written("simulate.yaml")
    alike(values.pop("data"), {k: v for k, v in defaults(Data).items() if k in defaults(Partition)})
    assert set(values) == set(defaults(Switches))
    assert UNDIVIDED == defaults(Partition) == {key: getattr(Data("any"), key) for key in UNDIVIDED}


@pytest.mark.parametrize(("group", "names"), [("task", TASKS), ("protocol", LEVELS), ("engine", ENGINES)])
def test_every_name_has_a_file(group: str, names: dict[str, Any]) -> None:
    files = {path.stem: OmegaConf.load(path) for path in (CONF / group).glob("*.yaml")}
    # a file that builds on another is tested in test_task_files.py
    plain = {stem: file for stem, file in files.items() if stem in names or "defaults" not in file}
    assert {stem: file.get(group, file).name for stem, file in plain.items()} == {n: n for n in names}


def test_what_a_measurement_will_choose_is_left_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "cores", lambda: 4)
    plan = make_plan(composed("engine.device=cpu"), tmp_path / "run")
    assert plan.engine == Engine(4, 1)
    claim(plan.folder, plan.cfg, ["seed=0"])
    saved = json.loads((plan.folder / "config.json").read_text())
    assert saved["engine"] == {
        "name": "local",
        "workers": "auto",
        "threads_per_client": 1,
        "traced": False,
        "device": "cpu",
        "together": 0,
    }
    cfg, overrides = load_config(plan.folder)
    assert overrides == ["seed=0"]
    assert make_plan(cfg, plan.folder) == plan


def test_a_run_is_named_without_its_folder_and_keeps_its_name_where_it_is_moved(tmp_path: Path) -> None:
    folder = tmp_path / "the_users_words"
    plan = make_plan(composed(), folder)
    assert "the_users_words" not in plan.cfg["run"] and plan.cfg["run"].isalnum()
    assert make_plan(composed(), tmp_path / "other").cfg["run"] != plan.cfg["run"]
    claim(folder, plan.cfg, [])
    assert make_plan(composed(), folder.rename(tmp_path / "moved")).cfg["run"] == plan.cfg["run"]


def test_the_data_s_folder_is_saved_as_seen_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=str(tmp_path / "tree")):
        make_plan(composed("data.root=tree"), tmp_path / "run")


def test_what_both_halves_read_holds_no_path_and_no_device(tmp_path: Path) -> None:
    plan = make_plan(composed(), tmp_path / "run")
    shared = json.dumps(plan.shared())
    assert str(tmp_path) not in shared
    assert "workers" not in shared and "root" not in shared
    assert plan.shared(rounds=7)["rounds"] == 7


def test_the_digest_changes_with_what_matters_and_not_with_the_folder(tmp_path: Path) -> None:
    digests = [make_plan(composed(*words), tmp_path / name).setting().digest for name, words in RUNS]
    assert digests[0] == digests[1] == digests[2]
    assert len(set(digests[2:])) == len(digests[2:])


RUNS: list[tuple[str, tuple[str, ...]]] = [
    ("one", ()),
    ("two", ()),
    ("one", ("engine.workers=1", "tensorboard=false")),
    ("one", ("seed=1",)),
    ("one", ("task.stem=8",)),
    ("one", ("strategy=fedavg",)),
    ("one", ("protocol.min_images=3",)),
]


def test_a_rule_for_more_sites_is_refused_before_any_site_is_opened(tmp_path: Path) -> None:
    plan, sites = make_plan(composed("strategy=krum", *VEIN), tmp_path), [f"s{n}" for n in range(6)]
    with pytest.raises(CompositionError, match="write at most f=1"):
        plan.federation(FEDERATED, sites)
    plan.federation("alone/s0", sites[:1])


VEIN = ("task=vein", "strategy.f=4")  # whose sites its data tell
ENTITY = ("protocol=entity", "data=regdb_llcm_to_sysu")
DEALT = ("protocol=entity", "data.partition=dirichlet", "data.clients=4")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("attack=ipm", "attack.sites=[cam2,camm3]"), "unknown site 'camm3'; did you mean 'cam3'"),
        (("attack=ipm", "attack.sites=cam1+cam7"), "unknown site 'cam7'; did you mean"),
        (("attack=ipm", "attack.sites=6"), "makes 6 of 6 sites hostile; leave at least one honest"),
        (("attack=ipm", "attack.sites=[rgdb]", *ENTITY), "unknown site 'rgdb'; did you mean 'regdb'"),
        (("attack=ipm", "attack.sites=[client9]", *DEALT), "unknown site 'client9'; did you mean 'client3'"),
        (("attack=ipm", "attack.sites=[caseme]", "task=action_units"), "did you mean 'casme'"),
        (("fewest=7",), "a round asks 6 sites; write at most 6"),
        (("cohort=7",), "there are 6 sites; write at most cohort=6"),
        (("strategy=krum", "strategy.f=4"), "write at most f=1"),
    ],
)
def test_what_the_sites_cannot_bear_is_refused_before_anything_is_drawn(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    with pytest.raises((ConfigError, CompositionError), match=re.escape(said)):
        make_plan(composed(*words), tmp_path)


def test_a_federation_counts_the_replies_that_are_left(tmp_path: Path) -> None:
    federation = make_plan(composed("rounds=5"), tmp_path / "run").federation(FEDERATED, ("cam1", "cam2"))
    assert federation.left == 10
    folder = tmp_path / "run" / "checkpoints"
    folder.mkdir(parents=True)
    for number in (0, 1, 2):
        (folder / f"round_{number:06d}.ckpt").touch()
    assert federation.left == 6
    (tmp_path / "run" / "result.json").touch()
    assert federation.left == 0


def test_replies_that_nobody_waits_for_are_not_counted(tmp_path: Path) -> None:
    plan = make_plan(composed("rounds=5", "strategy=fedbuff", "strategy.size=2"), tmp_path)
    sites = ("cam1", "cam2", "cam3")
    assert [plan.federation(f"{n}", sites[:n]).left for n in (1, 2, 3)] == [5, 10, 10]


@pytest.mark.parametrize("group", plans.GROUPS)
def test_a_missing_group_is_named(tmp_path: Path, group: str) -> None:
    cfg = composed()
    del cfg[group]
    with pytest.raises(ConfigError, match=f"lacks the group '{group}'"):
        make_plan(cfg, tmp_path)
