"""What a site's own training under differential privacy is refused with, each with what to write instead."""

import inspect
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from isofed.errors import CompositionError, ConfigError
from isofed.protocols.local_privacy import LOCAL
from isofed.simulations.command import composed
from isofed.simulations.plan import make_plan
from isofed.simulations.refusals import CONF, options

REID = ("task.norm=group", "task.objective=identity", "strategy=fedavg")
DP = ("dp=example", "dp.noise=1")

RUNS = (
    (*REID,),
    (*REID, "dp=subject"),
    (*REID, "strategy=fedprox"),
    (*REID, "strategy=feddyn"),
    (*REID, "strategy=moon"),
    (*REID, "strategy=scaffold", "task.momentum=0"),
    (*REID, "strategy=fednova", "task.keep_momentum=false"),
    (*REID, "strategy=fedadam"),
    (*REID, "strategy=fedper", "protocol=camera_strict"),
    (*REID, "privacy=clip"),
    (*REID, "holdout=0.2", "dp.release=measures"),
    (*REID, "strategy=uniform", "privacy=gaussian"),
    ("task=vein", "task.norm=group"),
    ("task=vein", "task.norm=group", "dp=subject"),
    ("task=micro_gesture", "task.norm=group"),
)

REFUSED = (
    ((*REID, "task.norm=batch"), r"BatchNorm makes .*; write task\.norm=group"),
    (
        (*REID, "task.objective=baseline"),
        r"compares the images of a batch .*; write task\.objective=identity",
    ),
    ((*REID, "task.objective=agw"), r"'agw' compares the images"),
    (
        (*REID, "task.per_modality=true", "protocol=sharing"),
        r"batches of a structure.*; write task\.per_modality=false",
    ),
    ((*REID, "task.stems=2", "protocol=sharing"), r"write task\.stems=1"),
    ((*REID, "task.precision=bf16"), r"found bf16; write task\.precision=float32"),
    ((*REID, "strategy=dppt"), r"also sends identity centres .*; use strategy=fedavg"),
    ((*REID, "strategy=fedproto"), r"in channel 'centres'"),
    ((*REID, "strategy=qfedavg"), r"tells the number 'start_loss'.*; use strategy=fedavg"),
    (
        (*REID, "strategy=scaffold", "strategy.option=one", "task.momentum=0"),
        r"takes a whole gradient .*; use strategy=fedavg, or strategy\.option=two",
    ),
    ((*REID, "strategy=apfl"), r"looks at every batch after its step"),
    ((*REID, "strategy=pfedme"), r"looks at every batch after its step"),
    ((*REID, "holdout=0.2"), r"write holdout=0, or dp\.release=measures"),
    (("task=vein", "task.norm=batch"), r"write task\.norm=group"),
    (("task=vein", "task.norm=group", "task.triplet=4"), r"write task\.triplet=0"),
    (("task=vein", "task.norm=group", "task.per_finger=4"), r"write task\.per_finger=0"),
    (("task=vein", "task.norm=group", "task.flips=true"), r"write task\.flips=false"),
    (("task=micro_gesture", "task.norm=batch"), r"write task\.norm=group"),
    (
        ("task=micro_gesture", "task.norm=group", "dp=subject"),
        r"do not say whom they show.*; write dp=example",
    ),
)


def _words(words: tuple[str, ...]) -> list[str]:
    later = {word.partition("=")[0]: word for word in (*DP, *words)}
    return list(later.values())


@pytest.mark.parametrize("words", RUNS, ids=" ".join)
def test_what_fits_runs(words: tuple[str, ...], tmp_path: Path) -> None:
    setting = make_plan(composed(_words(words)), tmp_path).setting()
    assert setting.dp.noise == 1.0 and not setting.task.statistics(setting.options)


@pytest.mark.parametrize(
    ("words", "sentence"), REFUSED, ids=lambda w: " ".join(w) if isinstance(w, tuple) else ""
)
def test_what_does_not_is_refused_with_the_mend(
    words: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(CompositionError, match=sentence):
        make_plan(composed(_words(words)), tmp_path)
    without = [word for word in _words(words) if not word.startswith("dp")]
    assert make_plan(composed(without), tmp_path).setting().dp is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dp=example"], r"of 'epsilon' and 'noise' neither is given.*dp\.epsilon=8"),
        (["dp=example", "dp.epsilon=8", "dp.noise=1"], "of 'epsilon' and 'noise' both are given"),
        (["dp=example", "dp.noise=1", "dp.norm=0"], "'norm' is 0"),
        (["dp=example", "dp.epsilon=0"], "'epsilon' is 0"),
        (["dp=example", "dp.noise=1", "dp.delta=1"], "'delta' is 1"),
        (["dp=example", "dp.noise=1", "dp.accountant=rpd"], "did you mean 'rdp'"),
        (["dp=example", "dp.noise=1", "dp.release=los"], "did you mean 'loss'"),
    ],
)
def test_numbers_out_of_range_are_named(words: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence):
        make_plan(composed([*REID, *words]), tmp_path)


def test_a_choice_is_in_the_digest_and_none_is_not(tmp_path: Path) -> None:
    cfg = composed(list(REID))
    plain = make_plan(cfg, tmp_path).setting().digest
    before = {key: value for key, value in cfg.items() if key != "dp"}
    assert make_plan(before, tmp_path).setting().digest == plain
    found = {
        make_plan(composed([*REID, *words]), tmp_path).setting().digest
        for words in (DP, ("dp=example", "dp.noise=2"), ("dp=subject", "dp.noise=1"))
    }
    assert len(found | {plain}) == 4


def test_there_is_a_file_for_every_choice() -> None:
    assert options("dp") == sorted(LOCAL)


@pytest.mark.parametrize("name", LOCAL)
def test_a_file_holds_the_defaults(name: str) -> None:
    written = OmegaConf.to_container(OmegaConf.load(CONF / "dp" / f"{name}.yaml"))
    defaults = {key: given.default for key, given in inspect.signature(LOCAL[name]).parameters.items()}
    assert written == {"name": name, **defaults}


def test_a_site_beside_the_federation_hides_nothing(tmp_path: Path) -> None:
    plan = make_plan(composed([*REID, *DP]), tmp_path)
    assert plan.federation("alone/cam1", ("cam1",)).cfg["dp"] == {"name": "none"}
    assert plan.federation("federated", ("cam1", "cam2")).cfg["dp"]["name"] == "example"


def test_flowers_own_strategies_are_told_a_loss(tmp_path: Path) -> None:
    cfg = {**composed([*REID, *DP]), "strategy": {"name": "flwr.FedAvg"}}
    with pytest.raises(CompositionError, match=r"told every site's loss.*or dp\.release=loss"):
        make_plan(cfg, tmp_path)
    dp = {**cfg["dp"], "release": "loss"}
    assert make_plan({**cfg, "dp": dp}, tmp_path).setting().dp.released == ("loss",)
