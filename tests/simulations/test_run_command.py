import json
import re
from pathlib import Path
from typing import Any

import pytest

from isofed.__main__ import main
from isofed.errors import CheckpointError, ConfigError
from isofed.server.hub.authority import init
from isofed.server.hub.folder import HubFolder
from isofed.server.hub.settings import HubSettings
from isofed.simulations import deployed_run, run_command
from isofed.simulations.deployable import deployable
from isofed.simulations.deployed_run import remembered, resume
from isofed.simulations.journal import Journal
from isofed.simulations.plan import Plan
from isofed.simulations.run_command import words

OWN = """from isofed.strategies.found import available

def mine():
    return available("fedavg")["fedavg"]()
"""


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Return the folder of a server that does not run."""
    init(HubFolder(tmp_path / "hub"), HubSettings("127.0.0.1", superlink_port=1))
    return tmp_path / "hub"


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Return the one sentence with which a command is refused."""
    assert main(["run", *argv]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    return said[0]


def test_the_words_of_this_command_stand_in_the_engine_group() -> None:
    assert words(["hub=a b", "sites=x,y", "seed=1"]) == [
        *("engine=deployed", "alone=false", "engine.hub='a b'", "engine.sites='x,y'", "seed=1")
    ]
    assert words(["hub=it's"])[-1] == r"engine.hub='it\'s'"
    assert words(["hub=a", "alone=true"])[0] == "engine=deployed"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "write hub=DIR"),
        (["hub="], "has no value"),
        (["hub=nowhere"], "is no server's folder"),
        (["hub=HUB", "engine=local"], "write isofed simulate"),
        (["hub=HUB", "controls=full"], "write controls=none"),
        (["hub=HUB", "alone=true"], "write alone=false"),
        (["hub=HUB", "profile=true"], "leave profile out"),
        (["hub=HUB", "engine.together=2"], "no key of the engine"),
        (["hub=HUB", "engine.workers=2"], "no key of the engine"),
        (["hub=HUB", "engine.deadline=0"], "must lie between 1 and"),
        (["hub=HUB", "engine.minimum=-1"], "must lie between 0 and"),
        (["hub=HUB", "strategy=FILE:mine"], "a site runs no code that comes with a run"),
        (["hub=HUB", "strategy=fedavgg"], "did you mean"),
        (["--resume"], "the folder of one run"),
        (["--resume", "HUB"], "nothing to resume"),
        (["--resume", "HUB", "rounds=3"], "the folder of one run"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence_before_anything_is_made(
    hub: Path, tmp_path: Path, monkeypatch: Any, capsys: Any, argv: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(OWN)
    given = [word.replace("HUB", str(hub)).replace("FILE", str(tmp_path / "mine.py")) for word in argv]
    assert re.search(said, refused(capsys, *given))
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == [
        "hub",
        "mine.py",
    ]
    assert not (hub / "runs").exists()


def test_a_server_that_does_not_run_is_told_of_and_nothing_is_left(
    hub: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"start it with: isofed server up {hub}" in refused(capsys, f"hub={hub}", "progress=false")
    assert [path.name for path in tmp_path.iterdir()] == ["hub"] and not (hub / "runs").exists()


def test_of_a_server_that_goes_away_before_the_run_began_its_folder_can_be_resumed(
    hub: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setattr(run_command, "ready", deployable)
    assert main(["run", f"hub={hub}", f"hydra.run.dir={tmp_path / 'run'}", "progress=false"]) == 2
    assert f"start it with: isofed server up {hub}" in capsys.readouterr().err
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert saved["overrides"] == [f"hub='{hub}'", "progress=false"]
    assert len(saved["run"]) == 16 and saved["engine"]["hub"] == str(hub)


def test_a_simulation_is_not_continued_as_a_deployed_run_nor_the_reverse(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"engine": {"name": "local"}}))
    with pytest.raises(CheckpointError, match="isofed simulate --resume"):
        resume(tmp_path, {})
    assert main(["simulate", "engine=deployed", "engine.hub=x"]) == 2
    assert "write isofed run hub=DIR" in capsys.readouterr().err
    (tmp_path / "config.json").write_text(json.dumps({"engine": {"name": "deployed"}}))
    assert main(["simulate", "--resume", str(tmp_path)]) == 2
    assert f"deployed sites; continue it with: isofed run --resume {tmp_path}" in capsys.readouterr().err


def test_runs_have_names_that_nobody_shares_and_that_stay(tmp_path: Path) -> None:
    names = {remembered({}, tmp_path)["run"] for _ in range(10)}
    assert len(names) == 10
    saved = {"run": "kept", "engine": {"name": "deployed", "sites": "cam1,cam2"}}
    (tmp_path / "config.json").write_text(json.dumps(saved))
    found = remembered({"engine": {"name": "deployed", "sites": ""}}, tmp_path)
    assert found["run"] == "kept" and found["engine"]["sites"] == "cam1,cam2"
    assert remembered({"engine": {"sites": "cam1"}}, tmp_path)["engine"]["sites"] == "cam1"


def test_the_rule_may_change_on_the_way_and_nothing_else(tmp_path: Path, hub: Path, monkeypatch: Any) -> None:
    engine = {"name": "deployed", "hub": str(hub), "minimum": 0}
    (tmp_path / "config.json").write_text(json.dumps({"engine": engine, "overrides": ["a"]}))
    seen: list[Any] = []
    monkeypatch.setattr(deployed_run, "deploy", lambda cfg, folder, overrides: seen.append(cfg))
    resume(tmp_path, {"minimum": 5})
    saved = json.loads((tmp_path / "config.json").read_text())
    assert seen[0]["engine"]["minimum"] == saved["engine"]["minimum"] == 5 and saved["overrides"] == ["a"]
    with pytest.raises(ConfigError, match="hub"):
        resume(tmp_path, {"hub": "elsewhere"})


def test_of_two_runs_the_server_has_other_secrets_and_of_one_run_the_same(
    hub: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    def secret(run: str) -> bytes:
        plan: Any = type("P", (), {"cfg": {"run": run}})()
        job: Any = type("J", (), {"hub": HubFolder(hub), "plan": plan})()
        found = deployed_run._secrets(job)
        assert not found.simulated
        return found.root

    assert secret("one") == secret("one") != secret("two")
    assert (hub / "server.secret").stat().st_mode & 0o777 == 0o600


def test_the_journal_keeps_what_happened_beside_the_rounds(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "events.jsonl", now=lambda: 5.0)
    journal("reply", round=1)
    journal("lost", site="cam1", run="federated")
    assert json.loads((tmp_path / "events.jsonl").read_text()) == {
        **{"time": 5.0, "event": "lost", "site": "cam1", "run": "federated"}
    }


def test_a_plan_is_of_other_machines(hub: Path, tmp_path: Path) -> None:
    from isofed.simulations.command import composed
    from isofed.simulations.plan import make_plan

    plan: Plan = make_plan(composed(words([f"hub={hub}"])), tmp_path)
    assert plan.cfg["engine"]["name"] == "deployed" and "workers" not in plan.cfg["engine"]


def test_the_report_says_how_to_run_it_again_and_why_there_are_no_pictures() -> None:
    from isofed.simulations.report.page import page

    told = page({"engine": "deployed", "config": {"overrides": ["hub=x"]}}, {"rounds": []}, None)
    assert "isofed run hub=x" in told and "holds no data" in told
    other = page({"engine": "local", "config": {"overrides": ["seed=1"]}}, {"rounds": []}, None)
    assert "isofed simulate seed=1" in other and "holds no data" not in other
