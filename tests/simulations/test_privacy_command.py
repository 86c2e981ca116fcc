"""`isofed privacy`: plain words for a configuration, and what a site has spent."""

from pathlib import Path

import pytest

from isofed.client.budget import Budget, Reply
from isofed.errors import ConfigError
from isofed.protocols.accounts.epsilon import epsilon
from isofed.protocols.accounts.library import Step
from isofed.protocols.local_privacy import Spend
from isofed.simulations.accounts import of_server, told
from isofed.simulations.command import composed
from isofed.simulations.plan import make_plan
from isofed.simulations.privacy_command import balance, explained, main

KEPT = ["strategy=fedbn", "strategy.weights=equal"]
SPEND = Spend("image", "dp-sgd", 0.1, 2.0, 20, 50)


def test_a_configuration_at_the_sites() -> None:
    words = ["strategy=fedavg", "task.norm=group", "task.objective=identity", "dp=example", "dp.noise=1"]
    said = explained([*words, "rounds=4", "dp.release=loss"], 500, 6)
    text = " ".join(line.strip() for line in said)
    assert "every image of a site, from everybody else: the server" in text
    assert "unhidden: steps, loss; that the site took part" in text
    rows = [line.split() for line in said if line.strip() and line.split()[0].isdigit()]
    assert [int(row[0]) for row in rows] == [1, 2, 3, 4]
    expected, steps = 32, -(-500 // 32)
    wanted = epsilon([Step(expected / 500, 1.0, 4 * steps)], 1e-5)
    assert float(rows[-1][1]) == pytest.approx(wanted, rel=0.01)


def test_a_configuration_at_the_server_and_none_at_all() -> None:
    public = explained([*KEPT, "privacy=gaussian", "privacy.noise=3", "rounds=9"], 10, 6)
    text = " ".join(line.strip() for line in public)
    assert "every site as a whole" in text and "but not from the server" in text
    assert "drawn in public, which makes nothing smaller" in text
    last = next(line.split() for line in public if line.split()[0] == "9")
    assert float(last[1]) == pytest.approx(epsilon([Step(1.0, 3.0, 9)], 1e-5), rel=0.01)
    assert explained([], 10, 6)[0].startswith("Nothing is hidden by noise")


def test_running_statistics_that_are_released_are_said_with_their_share() -> None:
    words = ["strategy=uniform", "privacy=tree", "privacy.noise=2", "privacy.buffers=released", "rounds=3"]
    said = explained([*words, "privacy.buffers_share=0.25", "privacy.buffers_norm=5"], 10, 6)
    text = " ".join(line.strip() for line in said)
    assert "tree noise of 2 times the bound" in text
    assert "clipped to 5, and their sum gets noise of 4 times that" in text
    assert "the model's sum gets noise of 2.31 times its bound" in text
    kept = explained([*KEPT, "privacy=tree", "privacy.noise=2", "rounds=3"], 10, 6)
    assert "Running statistics" not in " ".join(kept)
    assert [line for line in said if "#" in line] == [line for line in kept if "#" in line]


def test_only_the_rounds_in_which_a_site_was_asked_are_counted(tmp_path: Path) -> None:
    setting = make_plan(composed([*KEPT, "privacy=gaussian", "privacy.noise=3"]), tmp_path).setting()
    asked = [[], ["a", "b"], ["a"], ["b"], ["a"]]
    history = [{"round": n, "bytes": {site: {} for site in sites}} for n, sites in enumerate(asked)]
    found = of_server(setting, history, 2)
    assert found is not None and found["unit"] == "site"
    assert found["epsilon"] == epsilon([Step(1.0, 3.0, 3)], 1e-5)
    (line,) = told({"privacy_accounts": {"server": found, "sites": None}})
    assert line.startswith(
        f"every site: epsilon {found['epsilon']:.3g} at delta 1e-05 (gaussian noise at the"
    )
    assert "who took part in which round" in line


def test_a_site_sees_what_it_spent_and_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'tasks = ["reid"]\nlevels = ["camera"]\nbudget = 8.0\nbudget_delta = 1e-6\n'
    (tmp_path / "policy.toml").write_text(text)
    for run, round in (("one", 1), ("one", 2), ("two", 1)):
        Budget(tmp_path / "home" / "budget.jsonl").charge(Reply(run, round, 1), SPEND)
    assert main(["budget", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    whole = epsilon([SPEND] * 3, 1e-6)
    assert lines[0] == "this site: 3 replies paid for, in 2 runs, at delta 1e-06"
    assert lines[1] == f"  every image: epsilon {whole:.3g} in all, left of 8: {8 - whole:.3g}"
    assert [line.split(":")[0].strip() for line in lines[2:]] == ["one", "two"]


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a site's folder nor a run's"):
        balance(tmp_path)
    with pytest.raises(ConfigError, match="did you mean 'budget'"):
        main(["bugdet"])


def test_an_own_strategy_is_explained_and_a_sweep_is_not(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from isofed.strategies.named import STRATEGIES\n\n\ndef near(**more):\n"
        '    """Return FedAvg."""\n    return STRATEGIES["fedavg"](weights="equal")\n'
    )
    text = " ".join(explained([f"strategy={tmp_path}/mine.py:near", "rounds=2"], 10, 6))
    assert "Nothing is hidden by noise" in text
    with pytest.raises(ConfigError, match="one configuration; give one value"):
        explained(["seed=0,1"], 10, 6)


@pytest.mark.parametrize(("words", "said"), [(["explain", "--unitz", "3"], "'--units'"), (["budget"], "DIR")])
def test_misspelt_options_are_one_sentence(words: list[str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        main(words)
