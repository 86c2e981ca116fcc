"""Flower's own strategies from the command line to the plan."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from isofed.errors import CompositionError, ConfigError
from isofed.server.stock import check
from isofed.simulations import command
from isofed.simulations.catalogue import main
from isofed.simulations.overrides import own_strategy
from isofed.simulations.plan import FEDERATED, make_plan
from isofed.strategies.stock import Stock


def planned(folder: Path, *words: str) -> Any:
    return make_plan(command.composed(own_strategy(list(words))), folder)


def test_words_reach_the_class(tmp_path: Path) -> None:
    setting = planned(tmp_path, "strategy=flwr.FedYogi", "strategy.eta=0.25").setting()
    assert setting.recipe.stock == Stock("FedYogi", {"eta": 0.25})
    assert check(setting).eta == 0.25


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["strategy=flwr.FedYogi", "strategy.etaa=1"], "unknown key 'strategy.etaa'; did you mean 'eta'?"),
        (["strategy=flwr.FedYogii"], "unknown strategy 'flwr.FedYogii'; did you mean 'flwr.FedYogi'?"),
        (["strategy=flwr.QFedAvg"], "'strategy.client_learning_rate' is missing: give a number"),
    ],
)
def test_what_is_misspelt_is_refused_before_anything_runs(
    words: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        planned(tmp_path, *words)
    assert said in str(error.value)


def test_a_digest_tells_options_apart(tmp_path: Path) -> None:
    digests = {
        planned(tmp_path, "strategy=flwr.FedYogi", f"strategy.eta={eta}").setting().digest
        for eta in (0.1, 0.2)
    }
    assert len(digests) == 2


def test_a_site_alone_needs_no_strategy_of_flowers(tmp_path: Path) -> None:
    plan = planned(tmp_path, "strategy=flwr.Bulyan")
    assert plan.federation("alone/cam1", ("cam1",)).cfg["strategy"] == {"name": "fedavg"}
    assert plan.federation("again", ("cam1", "cam2")).cfg["strategy"]["name"] == "flwr.Bulyan"
    assert plan.federation(FEDERATED, ("cam1",)).cfg["strategy"]["name"] == "flwr.Bulyan"


def test_privacy_steps_are_refused(tmp_path: Path) -> None:
    setting = planned(tmp_path, "strategy=flwr.FedAvg").setting()
    hidden = replace(setting, recipe=replace(setting.recipe, privacy=("a step",)))
    with pytest.raises(CompositionError, match=r"'flwr\.FedAvg' reads every client's parameters"):
        check(hidden)


def test_one_is_described_by_its_class(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies", "flwr.FedYogi"]) == 0
    said = capsys.readouterr().out
    assert "strategy.eta=0.01" in said and "Code: flwr.serverapp.strategy.fedyogi" in said
    assert "Flower's own, unchanged: Yogi at the server." in said
