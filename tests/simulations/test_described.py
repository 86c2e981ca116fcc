"""What `isofed list strategies NAME` teaches: everything that the docstring says, of every option."""

import inspect
import json
import re
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from isofed.errors import ConfigError
from isofed.protocols.local_privacy import LOCAL
from isofed.protocols.privacy import PRIVACY
from isofed.simulations.catalogue import LISTS, ONE, main
from isofed.simulations.described import described, told
from isofed.simulations.hostile.attacks import ATTACKS
from isofed.simulations.refusals import CONF, options
from isofed.strategies import found
from isofed.strategies.named import STRATEGIES
from isofed.strategies.recipe import Recipe


def elsewhere(
    mu: float, lr: float = 0.5, tau: float = 1.0, both: bool = True, parts: tuple[int, ...] = ()
) -> Recipe:
    """An installed package's strategy: θ ← θ + η Δ.

    A second paragraph on ``parts``.

    Args:
        mu: μ: what follows a colon, though tau has one, too; lr,
            tau: η and τ, in
            this order.
        both: as in :func:`~isofed.strategies.named.elsewhere`.
        parts: as in :func:`sum`; more.

    Returns:
        Nothing that is shown.

    Source: somebody, 2020, eq. 1.
    """
    return Recipe(f"elsewhere({mu}, {lr}, {tau}, {both}, {parts})")


def silent(count: str = "images") -> Recipe:
    return Recipe(f"silent({count})", count=count)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a package be installed that offers both."""
    points = [EntryPoint(make.__name__, f"{__name__}:{make.__name__}", found.GROUP) for make in FOREIGN]
    monkeypatch.setattr(found, "entry_points", lambda group: points)


FOREIGN: tuple[Callable[..., Recipe], ...] = (elsewhere, silent)


@pytest.mark.parametrize("name", STRATEGIES)
def test_ours_say_what_every_option_means_and_where_they_are_from(name: str) -> None:
    page = described(name)
    assert list(page.options) == list(inspect.signature(STRATEGIES[name]).parameters)
    unfollowed = re.compile(rf"as in ({'|'.join(STRATEGIES)})\b")
    assert all(o.meaning and not unfollowed.search(o.meaning) for o in page.options.values()), page
    assert name == "uniform" or any(each.startswith("Source: ") for each in page.text)
    printed = told(page)
    assert "`" not in printed and ":func:" not in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_the_sentence_and_the_equation_stand_apart() -> None:
    page = described("fedavgm")
    assert page.sentence == "FedAvg with momentum at the server"
    assert page.equation == "m ← β m + Δ, θ ← θ + η m"
    assert "    m ← β m + Δ, θ ← θ + η m\n" in told(page)
    assert described("l2rwplus").equation == ""


def test_several_options_on_one_line_and_those_of_another_strategy() -> None:
    adam = {key: (option.default, option.meaning) for key, option in described("fedadam").options.items()}
    assert adam["lr"][0] == "0.01" and adam["lr"][1].startswith("η, at least 0; every parameter")
    assert adam["beta1"] == ("0.9", "β₁, β₂ in [0, 1)") and adam["beta2"][1] == adam["beta1"][1]
    assert adam["bias_correction"][0] == "false"
    yogi = described("fedyogi").options
    assert all(option.meaning == adam[key][1] for key, option in yogi.items())
    average = described("fedavg").options["count"].meaning
    assert described("dppt").options["count"].meaning == average
    assert described("fednova").options["count"].meaning.startswith(f"{average}; p_i")


@pytest.mark.usefixtures("installed")
def test_an_installed_one_is_read_in_the_same_way() -> None:
    page = described("elsewhere")
    assert {key: option.meaning for key, option in page.options.items()} == {
        "mu": "μ: what follows a colon, though tau has one, too",
        "lr": "η and τ, in this order",
        "tau": "η and τ, in this order",
        "both": "as in elsewhere",
        "parts": "as in sum; more",
    }
    assert page.text == ("A second paragraph on parts.", "Source: somebody, 2020, eq. 1.")
    printed = told(page)
    assert "strategy.mu=VALUE, needed" in printed and "parts, not to be set here" in printed
    assert "strategy.both=true" in printed and page.code == __name__
    assert described("silent").sentence == "It says nothing of itself."


def test_a_file_s_function_is_told_of_too(tmp_path: Path) -> None:
    (file := tmp_path / "mine.py").write_text('def f(mu: float = 2.0):\n    """One: a = b."""')
    page = described(f"{file}:f")
    assert (page.equation, page.options["mu"].default, page.code) == ("a = b", "2.0", str(file))


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategies", "moon"]) == 0
    assert capsys.readouterr().out.strip() == told(described("moon"))
    assert main(["strategies", "moon", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["options"]["tau"]["default"] == "0.5"
    assert main(["--help"]) == 0
    assert "isofed list strategies|privacy|dp|clients|attacks NAME" in capsys.readouterr().out


@pytest.mark.parametrize("name", PRIVACY)
def test_a_choice_of_privacy_steps_is_told_of_too(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["privacy", name]) == 0
    said = capsys.readouterr().out
    given = inspect.signature(PRIVACY[name]).parameters
    assert said.startswith(f"privacy={name}\n") and not re.search(r"\bas in\b", said)
    for key, parameter in given.items():
        default = "null" if parameter.default is None else str(parameter.default)
        default = default.lower() if isinstance(parameter.default, bool) else default
        assert re.search(rf"^  privacy\.{key}={default} +\S", said, re.MULTILINE), said


@pytest.mark.parametrize("name", LOCAL)
def test_private_training_is_told_of_with_the_defaults_of_its_file(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dp", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"dp={name}\n") and not re.search(r"\b(as in|see) ", said)
    given = dict(OmegaConf.load(CONF / "dp" / f"{name}.yaml"))
    assert given.pop("name") == name
    shown = dict(re.findall(r"^  dp\.(\w+)=(\S*) +\S", said, re.MULTILINE))
    assert shown.keys() == given.keys()
    for key, value in given.items():
        assert shown[key] in (str(value).lower(), "null" if value is None else str(value)), key


@pytest.mark.parametrize("kind", ONE)
def test_whatever_is_listed_can_be_asked_for(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in LISTS[kind]():
        assert main([kind, name]) == 0
        assert capsys.readouterr().out.startswith(f"{ONE[kind]}={name}")
        assert main([kind, name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["sentence"]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_told_of_with_who_attacks(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attacks", name]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"attack={name}\n") and re.search(
        r"^  attack\.sites=1 +how many", said, re.MULTILINE
    )
    for key in inspect.signature(ATTACKS[name]).parameters:
        assert re.search(rf"^  attack\.{key}=\S+ +\S", said, re.MULTILINE), said


@pytest.mark.parametrize(
    ("words", "options_of"),
    [(["clients", "late"], "clients.joined=0"), (["attacks", "colluders"], "attack.factor=1.0")],
)
def test_what_is_a_file_alone_is_told_of_with_the_options_it_has(
    words: list[str], options_of: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    said = capsys.readouterr().out
    assert words[1] in said.splitlines()[0] and options_of in said


def test_what_can_be_written_after_attack_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["attacks", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == options("attack")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["attacks", "sign_flpi"], "unknown attack 'sign_flpi'; did you mean 'sign_flip'?"),
        (["strategies", "fedadamm"], "unknown strategy 'fedadamm'; did you mean 'fedadam'?"),
        (["privacy", "gausian"], "unknown privacy 'gausian'; did you mean 'gaussian'?"),
        (["tasks", "reid"], "one list at a time"),
        (["dp", "exampel"], "unknown dp 'exampel'; did you mean 'example'?"),
        (["attacks", "colludrs"], "unknown attack 'colludrs'; did you mean 'colluders'?"),
        (["protocols", "camera"], "tells of no single one; write: isofed explain protocol=NAME"),
        (["layouts", "sysu"], "tells of no single one; write: isofed data --help"),
        (["--jsn"], "unknown option '--jsn'; did you mean '--json'?"),
        (["strategies", "moon", "fedavg"], "one list at a time"),
    ],
)
def test_what_cannot_be_listed_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as error:
        main(words)
    assert sentence in str(error.value) and "\n" not in str(error.value)
