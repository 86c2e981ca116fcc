"""Ctrl-C and SIGTERM end a command with one sentence, an exit code of their own and nothing half written."""

import multiprocessing
import os
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from isofed.__main__ import main
from isofed.simulations import command as simulate_command
from isofed.simulations.experiments import command as experiment_command
from isofed.simulations.stopped import stopped_in_words
from tests.forked import Forked, Forks
from tests.pace import LONG
from tests.simulations.test_command import SMALL


def send(number: signal.Signals) -> None:
    """Send this process a signal and wait for it."""
    os.kill(os.getpid(), number)
    time.sleep(10 * LONG)


@pytest.mark.parametrize(("number", "name"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "Ctrl-C")])
def test_both_wind_up_and_say_what_is_kept(
    number: signal.Signals, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before, wound_up = signal.getsignal(signal.SIGTERM), False
    with pytest.raises(SystemExit) as left, stopped_in_words(lambda: "all of it is kept"):
        try:
            send(number)
        finally:
            wound_up = True
    assert (left.value.code, wound_up) == (128 + number, True)
    assert capsys.readouterr().err == f"\nstopped by {name}; all of it is kept\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_nothing_is_said_where_nobody_stops_it(capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopped_in_words(lambda: "never"):
        pass
    assert capsys.readouterr() == ("", "") and signal.getsignal(signal.SIGTERM) is before


def _slow_to_wind_up() -> None:
    with stopped_in_words(lambda: "kept"):
        try:
            send(signal.SIGTERM)
        finally:
            send(signal.SIGTERM)


def exit_code(job: Callable[[], None]) -> int | None:
    """Return that of a process forked for a job."""
    process = multiprocessing.get_context("fork").Process(target=job)
    process.start()
    process.join(LONG)
    code: int | None = process.exitcode
    return code


def test_the_second_ends_at_once() -> None:
    assert exit_code(_slow_to_wind_up) == -signal.SIGTERM


def test_a_worker_that_is_ended_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with stopped_in_words(lambda: "kept"):
        assert exit_code(lambda: send(signal.SIGTERM)) == -signal.SIGTERM
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_a_run_is_kept_and_its_processes_end(tmp_path: Path) -> None:
    run, log, forks = tmp_path / "a run", tmp_path / "log", Forks()
    changed = [word for word in SMALL if not word.startswith(("rounds", "engine"))]
    words = ["simulate", *changed, "rounds=1000", "evaluate_every=0", "engine.workers=2"]
    forked: Forked = forks.start([*words, f"hydra.run.dir={run}"], "run", log)
    while not list(run.glob("checkpoints/round_*2.ckpt")):
        assert forked.poll() is None, log.read_text()
        time.sleep(0.01)
    os.kill(forked.pid, signal.SIGTERM)
    assert forked.wait(LONG) == 143
    assert forks.gone_after("run", LONG) is not None
    newest = simulate_command.newest(run / "checkpoints")
    said = (
        f"stopped by SIGTERM; the run is kept up to round {newest}; continue with: isofed simulate --resume "
    )
    assert log.read_text().splitlines()[-1] == f"{said}'{run}'"
    assert list(run.rglob("*.partial")) == []


def interrupted(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    """Return the command that the words' own end names, after they were stopped by Ctrl-C."""
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 130
    said = capsys.readouterr().err.strip()
    assert said.startswith("stopped by Ctrl-C; ")
    return said


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Stop every run as soon as it is claimed; return the folders of those that were."""
    seen: list[Path] = []

    def stops(cfg: Any, folder: Path, overrides: list[str]) -> None:
        seen.append(folder)
        (folder / "config.json").write_text("{}")
        raise KeyboardInterrupt

    monkeypatch.setattr(simulate_command, "simulate", stops)
    monkeypatch.setattr("sys.argv", ["isofed"])
    monkeypatch.chdir(tmp_path)
    return seen


def test_before_the_first_round_it_says_so(stopping: list[Path], capsys: Any, tmp_path: Path) -> None:
    said = interrupted(capsys, ["simulate", *SMALL, f"hydra.run.dir={tmp_path / 'it'}"])
    assert said.endswith(f"no round is kept yet; continue with: isofed simulate --resume {tmp_path / 'it'}")


def test_a_sweep_is_continued_as_a_whole(stopping: list[Path], capsys: Any, tmp_path: Path) -> None:
    words = ["simulate", "--multirun", "seed=0,1", *SMALL, "hydra.sweep.dir=all runs"]
    again = shlex.split(interrupted(capsys, words).partition("continue with: isofed ")[2])
    assert again == [*words[:-1], f"hydra.sweep.dir={tmp_path / 'all runs'}"]
    interrupted(capsys, again)
    assert stopping == [tmp_path / "all runs" / "0"] * 2


def test_an_experiment_says_its_own_command(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def stops(options: Any, folder: Path) -> None:
        raise KeyboardInterrupt

    one = experiment_command.EXPERIMENTS["vein"]
    stopped = experiment_command.Experiment(one.what, one.options, stops, one.written)
    monkeypatch.setattr(experiment_command, "EXPERIMENTS", {"vein": stopped})
    said = interrupted(capsys, ["experiment", "vein", "seeds=2", "out=my own"])
    assert said.endswith("what is done is kept; continue with: isofed experiment vein seeds=2 'out=my own'")
