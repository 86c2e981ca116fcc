"""Processes and threads chosen once: from what, where that is saved, and that weights are as without."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from isofed.errors import CheckpointError
from isofed.simulations import choice as choices
from isofed.simulations import engine as engines
from isofed.simulations import simulate as simulations
from isofed.simulations.choice import FILE, LONG, SHORT, beside, measured, remembered, settled
from isofed.simulations.command import composed as compose
from isofed.simulations.engine import AUTO, Engine
from isofed.simulations.folder import claim, load_config
from isofed.simulations.plan import Plan, make_plan
from isofed.simulations.pool import Pool
from isofed.simulations.ways import Load, Way

SMALL = [
    *["rounds=1", "evaluate_every=0", "alone=false", "tensorboard=false", "engine.device=cpu"],
    *[
        f"data.make.{key}"
        for key in ("identities=16", "test_identities=4", "images=4", "height=32", "width=16")
    ],
    *[f"task.{key}" for key in ("height=32", "width=16", "batch_identities=4", "batch_images=2")],
    *[f"task.{key}" for key in ("stem=4", "stage2=4", "stage3=8", "dimensions=8")],
]
THREADS = "engine.threads_per_client=auto"
MANY, HUGE = (0.5, 1000), (0.5, 10**12)  # a round for which workers are worth their messages, or not
TWO = Engine(2, 1)
Asked = list[tuple[int, int, float]]


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two cores, whatever there are, and torch's threads as they were."""
    for module in (engines, choices):
        monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setattr(choices, "method", lambda threads: "fork" if threads == 1 else "spawn")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Asked]:
    """Return (answers) to the list of what is tried from then on, answered in turn; no more is expected."""

    def expect(*answers: tuple[float, int] | None) -> Asked:
        asked, left = Asked(), iter(answers)

        def tried(federation: Any, images: Any, workers: int, threads: int, limit: float) -> Any:
            asked.append((workers, threads, limit))
            return next(left)

        monkeypatch.setattr(choices, "tried", tried)
        return asked

    return expect


def decide(load: Load, *left: str, engine: Engine = TWO) -> choices.Choice:
    """Choose for a federation that nobody looks at."""
    nothing: Any = None
    return measured(nothing, engine, left, load, {})


def test_one_process_is_tried_for_a_second(found: Callable[..., Asked]) -> None:
    asked = found((0.031, 1000))
    choice = decide(Load(6), "workers")
    assert asked == [(1, 1, SHORT)]
    assert choice.way == Way(2, 1, 0.031)
    assert choice.words == "2 workers of one thread: a site's round takes 31 ms"
    assert choice.said()["tried"][1] == {"workers": 1, "threads": 1, "seconds": 0.031, "round": 6 * 0.031}


def test_messages_may_cost_more_than_they_save(found: Callable[..., Asked]) -> None:
    found(HUGE)
    assert decide(Load(6), "workers").words == "one process of one thread: a site's round takes 500 ms"


def test_what_is_slow_to_answer_is_worth_all_workers(found: Callable[..., Asked]) -> None:
    found(None)
    choice = decide(Load(6), "workers")
    assert choice.way.workers == 2 and "could not be timed within 1 s" in choice.words


def test_where_nobody_shares_or_nobody_can_measure_nothing_is_tried(
    found: Callable[..., Asked], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = found()
    assert decide(Load(1), "workers").way == Way(1, 1)
    monkeypatch.setattr(choices, "method", lambda threads: "spawn")
    assert decide(Load(6), "workers").way == Way(2, 1)
    assert asked == []


def test_threads_are_tried_as_they_would_work(found: Callable[..., Asked]) -> None:
    asked = found(MANY, (4.0, 1000), (1.0, 1000))
    choice = decide(Load(6), "workers", "threads_per_client")
    assert asked == [(1, 1, SHORT), (2, 1, LONG), (1, 2, LONG)]
    assert choice.way == Way(1, 2, 1.0)
    said = "one process of 2 threads: a site's round takes 1.0 s, with 2 workers of one thread 4.0 s"
    assert choice.words == said


def test_a_given_number_of_processes_is_kept(found: Callable[..., Asked]) -> None:
    asked = found((4.0, 1000), (3.9, 1000))
    assert decide(Load(6), "threads_per_client", engine=Engine(1, 1)).way == Way(1, 1, 4.0)
    assert asked == [(1, 1, LONG), (1, 2, LONG)]


@pytest.mark.parametrize("answers", [(None, MANY), (MANY, None)])
def test_threads_that_cannot_be_timed_are_one(found: Callable[..., Asked], answers: Any) -> None:
    found(MANY, *answers)
    choice = decide(Load(6), "workers", "threads_per_client")
    slow = "2 workers of one thread" if answers[0] is None else "one process of 2 threads"
    assert choice.way == Way(2, 1, 0.5)
    assert choice.words == f"2 workers of one thread: {slow} could not be timed within 30 s"


def planned(folder: Path, *words: str) -> Plan:
    """Return the plan of a run that has claimed its folder."""
    plan = make_plan(compose([*SMALL, "task.classes=16", *words]), folder)
    claim(folder, plan.cfg, list(words))
    return plan


def test_the_choice_is_saved_with_what_was_measured(found: Callable[..., Asked], tmp_path: Path) -> None:
    plan, told = planned(tmp_path, THREADS), list[str]()
    found(MANY, MANY, (0.1, 1000))
    facts = {f"cam{number}": {"images": 30} for number in range(1, 7)}
    chosen = settled(plan, tuple(facts), facts, told.append)
    cfg, overrides = load_config(tmp_path)
    assert chosen.engine == Engine(1, 2) and overrides == [THREADS]
    assert cfg == chosen.cfg == {**plan.cfg, "engine": {**plan.cfg["engine"], **NUMBERS}}
    assert make_plan(cfg, tmp_path) == chosen
    said = json.loads((tmp_path / FILE).read_text())
    assert told == [said["words"]]
    assert {
        "workers": 1,
        "threads_per_client": 2,
        "asked": 6,
        "beside": 0,
        "cores": 2,
    }.items() <= said.items()
    assert settled(chosen, tuple(facts), facts, told.append) is chosen and len(told) == 1


NUMBERS = {"workers": 1, "threads_per_client": 2}


def test_what_goes_side_by_side_counts(drawn: Path, tmp_path: Path) -> None:
    sites = ("cam1", "cam2", "cam3")
    assert beside(planned(tmp_path / "1"), sites) == 0
    assert beside(planned(tmp_path / "2", "alone=true"), sites) == 3
    assert beside(planned(tmp_path / "3", "alone=true"), sites[:1]) == 0
    assert beside(planned(tmp_path / "4", "controls=full", f"data.root={drawn}"), sites) > 9


def test_a_folder_s_numbers_stand_for_auto_and_for_nothing_else(tmp_path: Path) -> None:
    auto = compose([*SMALL, THREADS])
    assert remembered(auto, tmp_path) == auto
    claim(tmp_path, {**auto, "engine": {**auto["engine"], **NUMBERS}}, [])
    assert remembered(auto, tmp_path)["engine"] == {**auto["engine"], **NUMBERS}
    given = compose([*SMALL, "engine.workers=2"])
    assert remembered(given, tmp_path) == given
    assert remembered({"engine": None}, tmp_path) == {"engine": None}
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="is damaged"):
        remembered(auto, tmp_path)


class Killed(BaseException):
    """Stands for a signal: nobody catches it."""


def killed(*_: Any, **__: Any) -> Any:
    """Stop everything."""
    raise Killed


def simulate(run: Path, *words: str) -> dict[str, Any]:
    """Run the small configuration; runs in several folders get one name, to be compared."""
    return simulations.simulate({**compose([*SMALL, *words]), "run": "run"}, run, list(words))


def engine_of(run: Path) -> tuple[Any, Any]:
    """Return the saved numbers of processes and threads."""
    engine = load_config(run)[0]["engine"]
    return engine["workers"], engine["threads_per_client"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The weights of one process of one thread."""
    run = tmp_path_factory.mktemp("reference") / "run"
    return str(simulate(run, "engine.workers=1", "progress=false")["weights_sha256"])


@pytest.mark.slow
def test_a_run_killed_before_its_choice_measures_again_and_one_killed_after_it_does_not(
    reference: str,
    found: Callable[..., Asked],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    started: list[tuple[int, int]] = []
    start = Pool.start
    monkeypatch.setattr(
        Pool, "start", lambda workers, threads, *more: started.append((workers, threads)) or start(1, 1)
    )
    run = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(choices, "settle", killed)
        found(HUGE)
        simulate(run)
    assert engine_of(run) == (AUTO, 1)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(simulations, "_train", killed)
        found(HUGE)
        simulate(run)
    assert engine_of(run) == (1, 1) and not (run / "checkpoints").exists()
    assert "one process of one thread: a site's round takes 500 ms\n" in capsys.readouterr().err
    found()
    summary = simulate(run)
    assert started == [(2, 1), (2, 1), (1, 1), (1, 1)]
    assert summary["weights_sha256"] == reference
    assert (summary["workers"], summary["threads_per_client"]) == (1, 1)
    assert "one process of one thread</li>" in (run / "report.html").read_text()
    assert simulations.resume(run) == simulate(run) == summary
    with pytest.raises(CheckpointError, match=r"another configuration \(other engine\)"):
        simulate(run, "engine.workers=2")


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("engine.workers=2",), ("forced",)], ids=["auto", "2", "auto is 1"])
def test_weights_do_not_know_how_many_processes_there_were(
    reference: str, found: Callable[..., Asked], tmp_path: Path, words: tuple[str, ...]
) -> None:
    if words == ("forced",):
        found(HUGE)
        words = ()
    summary = simulate(tmp_path / "run", *words, "alone=true")
    assert summary["weights_sha256"] == reference
    assert set(summary["metrics"]["alone"]) == {f"cam{number}" for number in range(1, 7)}
    assert engine_of(tmp_path / "run") == (summary["workers"], 1)


@pytest.mark.slow
def test_threads_that_were_chosen_are_as_threads_that_were_given(
    found: Callable[..., Asked], tmp_path: Path
) -> None:
    found(MANY, MANY, (0.1, 1000))
    chosen = simulate(tmp_path / "chosen", THREADS)
    assert engine_of(tmp_path / "chosen") == (1, 2)
    given = simulate(tmp_path / "given", "engine.workers=1", "engine.threads_per_client=2")
    assert chosen["weights_sha256"] == given["weights_sha256"]


@pytest.mark.slow
def test_threads_are_measured_and_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "LONG", 600.0)
    summary = simulate(tmp_path / "run", THREADS)
    said = json.loads((tmp_path / "run" / FILE).read_text())
    assert engine_of(tmp_path / "run") == (said["workers"], said["threads_per_client"])
    assert (summary["workers"], summary["threads_per_client"]) == engine_of(tmp_path / "run")
    assert engine_of(tmp_path / "run") in ((2, 1), (1, 1), (1, 2)) and said["seconds"] > 0
