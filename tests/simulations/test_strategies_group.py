"""The group strategy of the configuration: what the functions say, for ours and for installed ones."""

import inspect
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from isofed.errors import ConfigError
from isofed.simulations import explain as explaining
from isofed.simulations.command import check, composed
from isofed.simulations.explain import main as explain
from isofed.simulations.overrides import own_strategy, single
from isofed.simulations.plan import make_plan
from isofed.simulations.refusals import options
from isofed.simulations.strategies_group import PLAIN, defaults, strategy_options
from isofed.strategies import found
from isofed.strategies.named import STRATEGIES
from isofed.strategies.recipe import Recipe


def theirs(mu: float, keep: int = 3, corners: tuple[int, ...] = (1, 2)) -> Recipe:
    """An installed package's strategy: θ ← θ.

    Args:
        mu: μ, which has no default; keep: how many.
        corners: of nothing.
    """
    return Recipe(f"theirs(mu={mu}, keep={keep}, corners={corners})")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a package be installed that offers two strategies, one under a name with a dot."""
    points = [EntryPoint(name, f"{__name__}:theirs", found.GROUP) for name in ("theirs", "their.own")]
    monkeypatch.setattr(found, "entry_points", lambda group: points)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_s_option_says_what_its_signature_says(name: str) -> None:
    parameters = inspect.signature(STRATEGIES[name]).parameters
    expected = {"name": name} | {key: value.default for key, value in parameters.items()}
    values = dict(composed([f"strategy={name}"])["strategy"])
    assert values == expected
    assert [type(value) for value in values.values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_parameter_of_ours_can_be_set(name: str) -> None:
    parameters = inspect.signature(STRATEGIES[name], eval_str=True).parameters
    assert "name" not in parameters
    assert list(defaults(STRATEGIES[name])) == list(parameters)
    assert all(parameter.annotation in PLAIN for parameter in parameters.values())


def test_every_strategy_can_be_chosen_by_name() -> None:
    assert options("strategy") == list(strategy_options()) == sorted(STRATEGIES)


@pytest.mark.usefixtures("installed")
def test_an_installed_one_is_an_option_like_ours(tmp_path: Path) -> None:
    cfg = composed(["strategy=theirs", "strategy.mu=0.5"])
    assert cfg["strategy"] == {"name": "theirs", "mu": 0.5, "keep": 3}
    assert make_plan(cfg, tmp_path).setting().recipe.call == "theirs(mu=0.5, keep=3, corners=(1, 2))"


@pytest.mark.usefixtures("installed")
def test_one_under_a_name_with_a_dot_is_set_by_its_name() -> None:
    words = own_strategy(["strategy=their.own", "strategy.mu=0.5"])
    assert composed(words)["strategy"] == {"name": "their.own", "mu": 0.5}
    check(words)


@pytest.mark.usefixtures("installed")
def test_a_sweep_runs_over_strategies_and_over_their_options() -> None:
    words = ["strategy=theirs", "strategy.mu=0.1,0.2", "strategy.keep=1"]
    assert list(single(own_strategy(words), multirun=True))[1] == [
        "strategy=theirs",
        "strategy.mu=0.2",
        "strategy.keep=1",
    ]
    check(words, multirun=True)
    check(["strategy=fedavg,fedprox,scaffold", "task.momentum=0"], multirun=True)


@pytest.mark.usefixtures("installed")
def test_what_needs_a_value_is_no_obstacle_to_an_explanation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "_clients", lambda cfg, level: [])  # draws no data to count them in
    assert explain(["protocol=camera", "strategy=fedavg", "task.stem=4"]) == 0
    assert "their.own, theirs: refused: 'strategy.mu' is missing: give a number" in capsys.readouterr().out


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["strategy=theirs"], "'strategy.mu' is missing: give a number"),
        (["strategy=theirs", "strategy.mu=much"], "'strategy.mu' is 'much', but must be a number"),
        (["strategy=theirs", "strategy.kep=1"], "unknown key 'strategy.kep'; did you mean 'strategy.keep'?"),
        (["strategy=theirs", "strategy.corners=1"], "unknown key 'strategy.corners'"),
        (["strategy=theris"], "unknown strategy 'theris'; did you mean 'theirs'?"),
        (["strategy=fedavg", "strategy.lam=1"], "'strategy.lam' is no key of the strategy that was chosen"),
    ],
)
def test_what_is_wrong_with_an_option_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(words)
    assert sentence in str(error.value) and "\n" not in str(error.value)
