"""Files that build on a task's own: each is a whole configuration, and changes what it says."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from isofed.config import read
from isofed.simulations import command
from isofed.simulations import plan as plans
from isofed.tasks import TASKS
from isofed.tasks.reid.options import ReidOptions
from isofed.tasks.reid.options_levels import refusal

FOLDER = Path(plans.__file__).parent / "conf" / "task"
BUILT = sorted(path.stem for path in FOLDER.glob("*.yaml") if path.stem not in TASKS)


def composed(name: str) -> dict[str, Any]:
    """Compose the task's group as the command does."""
    return dict(command.composed([f"task={name}"])["task"])


def options(name: str) -> ReidOptions:
    return read(ReidOptions, {k: v for k, v in composed(name).items() if k != "name"}, "task")


@pytest.mark.parametrize("name", BUILT)
def test_such_a_file_is_a_whole_configuration_of_its_task(name: str) -> None:
    values = composed(name)
    task = TASKS[values.pop("name")]
    assert read(task.options, values, "task") != task.options()
    said = {key: v for key, v in OmegaConf.load(FOLDER / f"{name}.yaml").items() if key != "defaults"}
    assert {key: values[key] for key in said} == said


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_task_starts_with_data_and_a_strategy_that_suit_it(name: str, tmp_path: Path) -> None:
    plan = plans.runnable(plans.make_plan(command.composed([f"task={name}"]), tmp_path / "run"))
    assert plan.cfg["data"]["layout"] in TASKS[name].layouts


@pytest.mark.parametrize(
    "words", [("strategy=fedprox", "data=vera"), ("data=vera", "strategy=fedprox", "task.rate=0.5")]
)
def test_what_is_written_goes_before_what_a_task_starts_with(words: tuple[str, ...]) -> None:
    first, last = (command.composed(each) for each in (["task=vein", *words], [*words[:2], "task=vein"]))
    for found in (first, last):
        assert (found["strategy"]["name"], found["data"]["layout"]) == ("fedprox", "vera")
    assert command.composed(["task=reid"])["strategy"] == command.composed([])["strategy"]


@pytest.mark.parametrize(("name", "objective"), [("es_baseline", "identity"), ("agw", "agw"), ("caj", "caj")])
def test_the_entity_sharing_baselines(name: str, objective: str) -> None:
    found = options(f"reid_{name}")
    assert (found.objective, found.backbone, found.stems) == (objective, "resnet50", 2)
    assert (found.batch_identities, found.batch_images, found.per_modality) == (8, 4, True)
    assert (found.height, found.width, found.head_rate, found.backbone_rate) == (288, 144, 0.1, 0.01)
    assert found.attention == (name != "es_baseline")
    assert found.joint == (found.erasing > 0) == (name == "caj")
    assert refusal(found, "sharing") is None and refusal(found, "entity")
