"""The configuration's group ``privacy``: its files say what the functions' signatures say."""

import inspect
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from isofed.errors import CompositionError, ConfigError
from isofed.protocols.privacy import PRIVACY
from isofed.simulations.command import composed
from isofed.simulations.plan import FEDERATED, make_plan
from isofed.simulations.refusals import CONF, options


def test_there_is_a_file_for_every_choice() -> None:
    assert options("privacy") == sorted(PRIVACY)


@pytest.mark.parametrize("name", PRIVACY)
def test_a_file_holds_the_defaults(name: str) -> None:
    written = OmegaConf.to_container(OmegaConf.load(CONF / "privacy" / f"{name}.yaml"))
    defaults = {key: given.default for key, given in inspect.signature(PRIVACY[name]).parameters.items()}
    assert written == {"name": name, **defaults}


def test_a_choice_reaches_the_recipe_and_the_digest(tmp_path: Path) -> None:
    words = ["strategy=fedavg", "privacy=quantise", "privacy.bits=4"]
    setting = make_plan(composed(words), tmp_path).setting()
    assert [step.call for step in setting.recipe.privacy] == ["clip(norm=1.0)", "quantise(bits=4)"]
    other = make_plan(composed([*words, "privacy.norm=2"]), tmp_path).setting()
    assert other.digest != setting.digest


def test_a_configuration_from_before_there_was_a_choice_is_the_same_run(tmp_path: Path) -> None:
    cfg = dict(composed(["strategy=fedavg"]))
    now = make_plan(cfg, tmp_path).setting()
    del cfg["privacy"]
    plan = make_plan(cfg, tmp_path)
    assert "privacy" not in plan.cfg and plan.setting().digest == now.digest


def test_a_site_beside_the_federation_takes_no_steps(tmp_path: Path) -> None:
    plan = make_plan(composed(["strategy=fedavg", "privacy=clip"]), tmp_path)
    names = {"alone/cam1": ("cam1",), "controls/x/seed0": ("cam1", "cam2"), FEDERATED: ("cam1",)}
    chosen = {name: plan.federation(name, sites).cfg["privacy"]["name"] for name, sites in names.items()}
    assert chosen == {"alone/cam1": "none", "controls/x/seed0": "clip", FEDERATED: "clip"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["strategy=fedavg", "privacy=gaussian"], "needs every update to weigh the same"),
        (["strategy=uniform", "privacy=gaussian"], "hides nothing in running statistics"),
        (
            ["strategy=uniform", "task.norm=group", "privacy=gaussian", "privacy.buffers=released"],
            "has none; write privacy.buffers=local",
        ),
        (["strategy=dppt", "privacy=clip"], "also sends identity centres"),
        (["strategy=fedavg", "privacy=clip", "protocol=sharing"], "would protect nobody"),
    ],
)
def test_a_misfit_is_refused_before_anything_is_written(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    with pytest.raises(CompositionError, match=sentence):
        make_plan(composed(words), tmp_path)


def test_an_unknown_choice_names_the_nearest(tmp_path: Path) -> None:
    cfg = {**composed(["strategy=fedavg"]), "privacy": {"name": "gausian"}}
    with pytest.raises(ConfigError, match=r"unknown privacy 'gausian'; did you mean 'gaussian'\?"):
        make_plan(cfg, tmp_path)
