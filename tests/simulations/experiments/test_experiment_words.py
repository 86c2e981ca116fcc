"""What stands behind ``isofed experiment`` is read, listed, and refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from isofed.errors import CompositionError, ConfigError, DataError
from isofed.simulations.experiments import course
from isofed.simulations.experiments.command import main
from isofed.simulations.experiments.vein import plans as planned
from isofed.simulations.experiments.vein.options import VeinExperiment
from isofed.simulations.experiments.vein.plans import plans
from isofed.simulations.experiments.words import as_command, chosen
from isofed.tasks.vein.benchmarks.rules import Takes, tenth


def test_a_command_is_as_a_shell_takes_it() -> None:
    options = {"unseen": "", "page": "my page", "sensors": "a+b", "workers": 3}
    assert as_command("vein", options) == "isofed experiment vein unseen= 'page=my page' sensors=a+b"


def test_words_set_options() -> None:
    found = chosen(VeinExperiment, ["fingers=9", "tuned_rate=0.5", "sensors=a+b", "unseen="])
    assert found == VeinExperiment(fingers=9, tuned_rate=0.5, sensors="a+b", unseen="")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["vein", "finger=9"], "did you mean 'fingers'"),
        (["vein", "fingers=many"], "must be a whole number"),
        (["vein", "fingers=1"], "must lie between 2 and"),
        (["vein", "fingers"], "write KEY=VALUE"),
        (["vein", "few_fingers=26"], "only 25 are not tested"),
        (["vein", "first_seed=2047"], "would test on"),
        (["vein", "out="], "'out=' names no folder or file"),
        (["vain"], "did you mean 'vein'"),
        ([], "name the experiment"),
        (["vein", "--resume"], "unknown option"),
        (["vein", "sensors=usm"], "unknown sensor"),
        (["vein", "schedule=mild"], "unknown schedule"),
        (["vein", "backbone=smal"], "did you mean 'small'"),
        (["vein", "strategy=fedavgg"], "fedavg"),
        (["vein", "strategy=fedbn"], "keeps a part of"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_drawn(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what is not refused must not train for a quarter of an hour
    monkeypatch.setattr(course, "workers", lambda *given: pytest.fail("it would run"))
    with pytest.raises((ConfigError, CompositionError, DataError), match=told):
        main([*words, *([f"out={tmp_path / 'x'}"] if words else [])])
    assert not list(tmp_path.rglob("*.png"))


def test_help_lists_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vein", "--help"]) == main(["--help"]) == 0
    told = capsys.readouterr().out
    for name, value in vars(VeinExperiment()).items():
        assert f"{name}={value}" in told


@pytest.mark.parametrize("fingers", [2, 8, 17, 19, 180, 2000])
def test_as_many_fingers_train_as_were_asked_for(fingers: int) -> None:
    drawn = VeinExperiment(fingers=fingers).drawn
    people = np.repeat(np.arange(1, drawn + 1), 2)
    ones = np.ones_like(people)
    split = tenth(Takes(people, ones, ones, ones))
    assert len(np.unique(people[split.train])) == fingers


def test_the_generator_is_left_as_it_is(tmp_path: Path) -> None:
    found = plans(VeinExperiment(), tmp_path)
    drawing = found.sites.layout.options(**found.sites.data.make).drawing("usm_like")
    assert (drawing.fingers, drawing.samples, drawing.parts, drawing.schedule) == (50, 6, "rois", "published")
    public = found.public.layout.options(**found.public.data.make)
    assert (public.sensor, public.first, public.samples) == ("fingerveinsyn", 0, 4)
    assert found.public.data.seed not in [found.of(seed).sites.data.seed for seed in VeinExperiment().each]


def test_the_first_stage_stands_still_where_pretrained_weights_are_tuned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "usm_like").mkdir(parents=True)
    monkeypatch.setattr(planned, "resolved", lambda plan: plan)
    found = plans(VeinExperiment(), tmp_path)
    for start, given, rate, frozen in (("scratch", None, 0.1, 0), ("pretrained", Path("w"), 0.01, 2)):
        made = list(planned.arms(found, VeinExperiment(), 0, start, given))
        assert [(arm.way, arm.site) for arm in made] == [
            ("local", "usm_like"),
            ("federated", ""),
            ("pooled", ""),
        ]
        for arm in made:
            task = arm.federation.cfg["task"]
            assert (task["rate"], task["frozen"], arm.federation.weights) == (rate, frozen, given)
