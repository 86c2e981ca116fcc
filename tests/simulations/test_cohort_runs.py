"""isofed simulate with a cohort: what is planned, refused and told; sites so many that nobody lists them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from isofed.errors import CompositionError
from isofed.population import Numbered
from isofed.seeds import public
from isofed.simulations.command import composed
from isofed.simulations.controls.listed import equal_epochs
from isofed.simulations.controls.runs import _steps
from isofed.simulations.explain import _named
from isofed.simulations.overrides import own_strategy
from isofed.simulations.plan import FEDERATED, Plan, make_plan
from isofed.simulations.report.headline import sentence
from isofed.simulations.simulate import simulate
from isofed.simulations.summary import KEYS, _sites
from isofed.tasks import TASKS
from isofed.tasks.task import Batch, DataLayout, Samples, Task, Training

CAMERAS = tuple(f"cam{number}" for number in range(1, 7))
MANY = 100_000


def planned(folder: Path, *words: str) -> Plan:
    return make_plan(composed(own_strategy(list(words))), folder)


def test_a_site_by_itself_is_not_drawn(tmp_path: Path) -> None:
    plan = planned(tmp_path, "cohort=2", "rounds=4")
    federated, alone = plan.federation(FEDERATED, CAMERAS), plan.federation("alone/cam1", CAMERAS[:1])
    assert (federated.cfg["cohort"], alone.cfg["cohort"]) == (2, 0)
    assert (federated.left, alone.left) == (8, 4)
    without = planned(tmp_path, "rounds=4").federation("alone/cam1", CAMERAS[:1])
    assert alone.workshop().setting.digest == without.workshop().setting.digest
    assert planned(tmp_path, "cohort=1").federation(FEDERATED, CAMERAS[:1]).left == 20


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["cohort=-1"], "'cohort' is -1, but must lie between 0 and"),
        (["cohort=2", "strategy=fedbuff"], "so no cohort goes with it; write cohort=0"),
        (["cohort=2", "strategy=flwr.FedAvg"], "draws the sites of a round itself; write cohort=0, and"),
    ],
)
def test_a_plan_is_refused_in_one_sentence(words: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=sentence):
        planned(tmp_path, *words)


def test_more_than_there_are_is_refused_as_soon_as_the_sites_are_known(drawn: Path, tmp_path: Path) -> None:
    told = "'cohort' is 7, but there are 6 sites; write at most cohort=6, or cohort=0 for all"
    with pytest.raises(CompositionError) as error:
        planned(tmp_path, "cohort=7", f"data.root={drawn}")
    assert str(error.value) == told
    with pytest.raises(CompositionError) as error:
        planned(tmp_path, "cohort=7").federation(FEDERATED, CAMERAS)
    assert str(error.value) == told


def entry(round: int, **steps: int) -> dict[str, Any]:
    return {"round": round, "steps": steps, "examples": {site: 10.0 * n for site, n in steps.items()}}


HISTORY = [{"round": 0}, entry(1, a=1, b=3), entry(2, a=1, c=2)]


def test_a_site_s_weight_is_that_of_the_last_round_that_counted_it() -> None:
    found = _sites({site: {} for site in "abcd"}, HISTORY)
    assert {site: told["weight"] for site, told in found.items()} == {
        "a": 1 / 6,
        "b": 0.5,
        "c": 1 / 3,
        "d": 0,
    }
    assert {site: told["steps"] for site, told in found.items()} == {"a": 2, "b": 3, "c": 2, "d": 0}


def test_equal_steps_are_those_that_the_federation_took() -> None:
    steps, total = _steps({"history": HISTORY}, ("a", "b", "c", "d"))
    assert (steps, total) == ({"a": 2, "b": 6, "c": 4, "d": round(2 * 7 / 4)}, 7)
    for site, epochs in equal_epochs(1, steps, total).items():
        assert (epochs - 1) * steps[site] < total <= epochs * steps[site]


def test_the_report_s_sentence_says_how_many_take_part() -> None:
    summary = {
        "sites": {site: {} for site in "abc"},
        "rounds": 20,
        "strategy": "fedavg",
        "protocol": "camera",
    }
    assert "3 cameras trained" in sentence(summary) and "for 20 rounds with fedavg" in sentence(summary)
    assert "for 20 rounds of 2 cameras with fedavg" in sentence({**summary, "cohort": 2})
    assert sentence({**summary, "population": 10**6}).startswith("1000000 cameras trained")


@dataclass(frozen=True)
class Options:
    """Of a task whose clients' data are made from their names."""

    classes: int = 2


def made(site: str, options: Options) -> Samples:
    draw = public(0, 0, site, "points")
    return Samples(draw.normal(0, 1, (6, 3)).astype(np.float32), draw.integers(0, 2, 6))


def fed(samples: Samples, rows: Any, *rest: Any) -> Batch:
    return Batch(torch.from_numpy(samples.inputs[rows]), torch.from_numpy(samples.labels[rows]))


def model(options: Options, generator: torch.Generator) -> nn.Module:
    net = nn.Linear(3, 2)
    for parameter in net.parameters():
        nn.init.normal_(parameter, generator=generator)
    return net


LAYOUT = DataLayout(
    name="crowd",
    summary="many clients",
    options=Options,
    make=lambda root, *rest: root.mkdir(),
    check=lambda *a: [],
    resolve=lambda root, options: {"classes": 2},
    sites=lambda root, level: Numbered(MANY),
    open_train=lambda root, site, cache, options: made(site, options),
    open_test=lambda root, cache, options: made("test", options),
)
TASK = Task(
    name="crowd",
    summary="many clients",
    options=Options,
    levels=("entity",),
    layouts={"crowd": LAYOUT},
    model=model,
    width=lambda options: 2,
    evaluate=lambda net, test, options: {"n": 1.0},
    result=lambda statistics: {"mean": dict.fromkeys(KEYS, 0.5), "spread": dict.fromkeys(KEYS, 0.0)},
    training=Training(
        sample=lambda samples, options, rng: rng.permutation(6).reshape(2, 3),
        transform=fed,
        loss=lambda output, labels, options: F.cross_entropy(output, labels),
        loss_unit="example",
        optimiser=lambda net, options: torch.optim.SGD(net.parameters(), 0.1),
        rate=lambda done, rounds, options: 1.0,
        keeps_optimiser=lambda options: False,
        plain=lambda options: True,
    ),
)


def crowd(**changes: Any) -> Mapping[str, Any]:
    """Return a run's configuration over the crowd."""
    words = ["alone=false", "progress=false", "tensorboard=false", "engine.workers=1", "rounds=3", "cohort=4"]
    cfg = {**composed([*words, "protocol=entity", "strategy=fedavg", "evaluate_every=0"]), **changes}
    data = {"layout": "crowd", "root": None, "seed": 0, "make": {}}
    return {**cfg, "data": data, "task": {"name": "crowd"}}


def test_a_run_over_sites_that_nobody_lists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(TASKS, "crowd", TASK)
    summary = simulate(crowd(), tmp_path / "a", [])
    history = json.loads((tmp_path / "a" / "result.json").read_text())["history"]
    asked = sorted({site for each in history[1:] for site in each["loss"]})
    assert (summary["population"], summary["cohort"], list(summary["sites"])) == (MANY, 4, asked)
    assert len(asked) == 12 and sum(told["weight"] for told in summary["sites"].values()) == pytest.approx(1)
    assert sorted(summary["left"]) == asked and all(told["model"] for told in summary["left"].values())
    assert sorted(path.name for path in (tmp_path / "a" / "sites").iterdir()) == asked
    assert "100000 entities trained one" in (tmp_path / "a" / "report.html").read_text()
    again = simulate(crowd(), tmp_path / "b", [])
    assert again["weights_sha256"] == summary["weights_sha256"]
    assert simulate(crowd(), tmp_path / "a", []) == json.loads(json.dumps(summary))


@pytest.mark.parametrize("changes", [{"alone": True}, {"controls": "full"}])
def test_nobody_trains_a_crowd_one_by_one(
    changes: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(TASKS, "crowd", replace(TASK))
    with pytest.raises(CompositionError) as error:
        simulate(crowd(**changes), tmp_path, [])
    assert str(error.value) == (
        "there are 100000 sites, too many to train each by itself, too; write alone=false controls=none"
    )


def test_they_are_told_of_by_their_number() -> None:
    assert _named(Numbered(MANY)) == "100000 clients: client00000 to client99999"
