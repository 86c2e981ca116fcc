"""Strategies that are not ours: the tutorial's, word for word, and everything that can be wrong with one."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from isofed.__main__ import main
from isofed.client.workshop import Workshop
from isofed.errors import CompositionError, ConfigError, ContractError
from isofed.simulations.overrides import own_strategy
from isofed.strategies import found
from isofed.strategies.named import STRATEGIES
from isofed.strategies.recipe import Done, Recipe, Seen, TermStart
from isofed.strategies.robust.rule import GatheringRule
from isofed.strategies.robust.updates import Columns, Updates
from isofed.strategies.share import flatten
from isofed.trees import from_arrays

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "strategies.md"
MOST_LINES = 15


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    blocks = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "mine.py"
    path.write_text("\n".join(blocks), encoding="utf-8")
    return path


def test_the_tutorial_s_file_makes_a_recipe(mine: Path) -> None:
    made = found.available(f"{mine}:cautious")[f"{mine}:cautious"](mu=0.5)
    assert isinstance(made, Recipe) and made.call == "cautious(mu=0.5, lr=1.0)"
    assert made.rule.factor({"examples": 9.0}) == 3.0 and made.rule.common({"roots": 5.0}) == 5.0
    step, _ = made.server.step(from_arrays({"w": np.full(2, 6.0)}), {}, 4, 1.0)
    assert step["w"].tolist() == [3.0, 3.0]


def test_each_part_of_the_tutorial_has_under_fifteen_lines(mine: Path) -> None:
    parts = [
        node for node in ast.parse(mine.read_text()).body if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    lengths = {node.lineno: (node.end_lineno or 0) - node.lineno + 1 for node in parts}
    assert len(lengths) == 14 and max(lengths.values()) < MOST_LINES


def recipe_of(mine: Path, name: str, **options: int) -> Recipe:
    return found.available(f"{mine}:{name}")[f"{mine}:{name}"](**options)


def test_the_tutorial_s_robust_rule_leaves_out_who_is_far(mine: Path) -> None:
    rule = recipe_of(mine, "near").rule
    assert isinstance(rule, GatheringRule) and rule.call == "nearest(f=-1)"
    changes = np.array([[1.0, 2.0], [1.0, 4.0], [1.0, 6.0], [900.0, -900.0]])

    def read(part: slice, rows: Sequence[int], into: np.ndarray) -> None:
        into[:] = changes[list(rows), part]

    columns = Columns(2, read)
    verdict = rule.judged(Updates(4, {"float32": columns}))
    assert verdict.f == 1 and rule.along(columns, verdict).tolist() == [1.0, 4.0]
    with pytest.raises(CompositionError, match="needs n ≥ 2f \\+ 1 sites"):
        recipe_of(mine, "near", f=3).rule.fewest(6)


def test_the_tutorial_s_share_and_schedule_keep_two_parts(mine: Path) -> None:
    made = recipe_of(mine, "in_two")
    module = nn.ModuleDict({"body": nn.Linear(2, 2), "norm": nn.BatchNorm1d(2), "head": nn.Linear(2, 2)})
    trees = flatten(module, made.share.of(("head.",)))
    assert set(trees["model"]) == {"body.weight", "body.bias"} and not trees["buffers"]
    assert [phase.trains for phase in made.rounds] == ["head", "body"]


def test_the_tutorial_s_number_is_the_length_of_the_gradient(mine: Path) -> None:
    made = recipe_of(mine, "steep")
    given = TermStart({}, 1, 1, 1, gradient=lambda: {"a": torch.tensor([3.0]), "b": torch.tensor([4.0])})
    (term,) = made.local
    assert term.numbers and term.numbers(term.start(given), Done(1)) == {"steepness": 5.0}
    assert made.rule.factor({"steepness": 5.0}) == 5.0 == made.rule.common({"steepness": 5.0})


def test_the_tutorial_s_own_model_goes_on_where_it_was(mine: Path) -> None:
    (term,) = recipe_of(mine, "slow").local
    model = nn.Linear(1, 1, bias=False)
    memory, slow = None, 0.0
    with torch.no_grad():
        for received in (0.0, 8.0):
            model.weight.fill_(received)
            state = term.start(TermStart({}, 1, 1, 1, model=model, memory=memory))
            model.weight.add_(2.0)
            assert term.stepped and term.remember
            term.stepped(state, Seen(None, None, None), {})
            memory, slow = term.remember(state), 0.9 * slow + 0.1 * (received + 2.0)
    assert term.personal and float(memory["weight"].item()) == pytest.approx(slow)


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("def f(): ...", "mine.py", "names no function of the file; write strategy="),
        (None, "mine.py:f", "is no file; write strategy=path/to/mine.py:my_recipe"),
        ("def recipe(): ...", "mine.py:recip", "has no function 'recip'; did you mean 'recipe'?"),
        ("1 / 0", "mine.py:f", "cannot be run: ZeroDivisionError"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(
    tmp_path: Path, text: str | None, name: str, sentence: str
) -> None:
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    with pytest.raises(ConfigError) as error:
        found.available(str(tmp_path / name))
    assert sentence in str(error.value) and "\n" not in str(error.value)


def test_what_is_no_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f():\n    return 3")
    name = f"{tmp_path / 'mine.py'}:f"
    with pytest.raises(ConfigError, match="returned a int, but a strategy is a Recipe"):
        found.available(name)[name]()


def test_an_installed_package_adds_one_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("theirs", "isofed.strategies.named.averaging:fedavg", found.GROUP)
    monkeypatch.setattr(found, "entry_points", lambda group: [point])
    assert found.available()["theirs"]().call == STRATEGIES["fedavg"]().call
    assert found.available()["fedavg"] is STRATEGIES["fedavg"]


def test_words_that_name_a_file_are_turned_into_what_hydra_takes() -> None:
    words = ["rounds=2", "strategy.mu=0.1", "strategy=a/mine.py:f"]
    assert own_strategy(words) == [
        "rounds=2",
        "+strategy.mu=0.1",
        "strategy=own",
        "strategy.name='a/mine.py:f'",
    ]
    for words in (["strategy=fedavg"], ["strategy=fedvag"], ["--multirun", "strategy=fedavg,dppt"], []):
        assert own_strategy(words) == words


def small(mine: Path, strategy: str, run: Path) -> list[str]:
    data = ["data.make.identities=16", "data.make.test_identities=4", "data.make.images=4"]
    size = ["data.make.height=32", "data.make.width=16", "task.height=32", "task.width=16"]
    net = ["task.batch_identities=4", "task.batch_images=2", "task.stem=4", "task.stage2=4"]
    more = ["task.stage3=8", "task.dimensions=8", "rounds=2", "alone=false", "tensorboard=false"]
    return ["simulate", *data, *size, *net, *more, f"strategy={mine}:{strategy}", f"hydra.run.dir={run}"]


@pytest.mark.slow
def test_the_tutorial_s_file_runs_in_workers_too(mine: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main([*small(mine, "cautious", run), "strategy.mu=0.05", "engine.workers=2"]) == 0
    saved = json.loads((run / "config.json").read_text())
    assert saved["strategy"] == {"name": f"{mine}:cautious", "mu": 0.05, "lr": 1.0}
    assert json.loads((run / "summary.json").read_text())["metrics"]["federated"]["mAP"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["near", "in_two", "steep", "slow", "pulled"])
def test_every_recipe_of_the_tutorial_runs(mine: Path, tmp_path: Path, strategy: str) -> None:
    run = tmp_path / "run"
    assert main([*small(mine, strategy, run), "holdout=0.25", "engine.workers=1"]) == 0
    measured = json.loads((run / "summary.json").read_text())["metrics"]["own"]["federated"]
    assert len(measured["sites"]) == 6


@pytest.mark.slow
def test_the_tutorial_s_package_is_found_where_it_is_installed(mine: Path, tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    (source := tmp_path / "source").mkdir()
    (described,) = re.findall(r"```toml\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    (source / "pyproject.toml").write_text(described)
    (source / "cautious_means.py").write_text(mine.read_text())
    offline = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    install = [sys.executable, "-m", "pip", "install", *offline, "--target", str(tmp_path / "site"), "."]
    subprocess.run(install, cwd=source, check=True, capture_output=True)
    paths = os.pathsep.join([str(tmp_path / "site"), str(TUTORIAL.parents[1])])
    listed = subprocess.run(
        [sys.executable, "-m", "isofed", "list", "strategies"],
        **{"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": paths}},
        **{"check": True, "capture_output": True, "text": True},
    )
    assert re.search(r"^  cautious +Root-weighted means", listed.stdout, re.MULTILINE)


def test_a_recipe_that_raises_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def f():\n    return 1 / 0")
    name = f"{tmp_path / 'mine.py'}:f"
    with pytest.raises(ConfigError, match="cannot be made: ZeroDivisionError: division by zero"):
        found.available(name)[name]()


def test_a_recipe_whose_parts_do_not_fit_is_named(tmp_path: Path) -> None:
    head = "from isofed.strategies.named.fair import fairness, Recipe\n"
    (tmp_path / "mine.py").write_text(head + "def f():\n    return Recipe(local=(fairness(),))")
    name = f"{tmp_path / 'mine.py'}:f"
    with pytest.raises(CompositionError, match=f"a local term of '{re.escape(name)}' gives the number"):
        found.available(name)[name]()


def test_a_real_site_runs_no_file_that_an_order_names(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "mine.py").write_text(f"open({str(ran)!r}, 'w')\ndef f(): ...")
    cfg = json.dumps({"strategy": {"name": f"{tmp_path / 'mine.py'}:f"}})
    with pytest.raises(ContractError, match="a site runs no code that an order names") as error:
        Workshop.of(cfg, "cpu", files=False)
    assert not ran.exists() and "mine" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rule=root_mean", "rule=weighted_mean"),
        ("server=fading(lr)", "server=fading(2 * lr)"),
        ("local=(shrink(mu)", "local=(shrink(2 * mu)"),
        ("shrink(mu),)", "shrink(mu),), share=all_but('head')"),
        ("shrink(mu),)", "shrink(mu),), count='full_batches'"),
        ("shrink(mu),)", "shrink(mu),), schedule=(Phase(epochs=2),)"),
    ],
)
def test_a_file_that_says_otherwise_under_the_same_name_is_another_run(
    mine: Path, old: str, new: str
) -> None:
    text = mine.read_text(encoding="utf-8")
    assert text.count(old) == 1
    names = "from isofed.strategies.recipe import Phase\nfrom isofed.strategies.rules import weighted_mean\n"
    said = []
    for written in (text, text, text.replace(old, new)):
        head = f"{names}from isofed.strategies.share import all_but\n"
        mine.write_text(head + written, encoding="utf-8")
        said.append(found.available(f"{mine}:cautious")[f"{mine}:cautious"]().said)
    assert said[0] == said[1] != said[2]
