"""profile=true: times that add up, in files that a resumed run goes on with, and the same weights."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from isofed import spans
from isofed.errors import CompositionError
from isofed.server.loop import ROUND
from isofed.server.state import Checkpoints
from isofed.simulations import profile as profiles
from isofed.simulations import profiled
from isofed.simulations import simulate as simulations
from isofed.simulations.carriage import Writer
from isofed.simulations.command import composed
from isofed.simulations.crew import serve
from isofed.simulations.plan import make_plan
from isofed.simulations.profile import Profiler, clock_of, following
from isofed.simulations.report.page import page
from isofed.simulations.trace import events
from isofed.spans import AGGREGATION, CATEGORIES, DATA, ENGINE, FORWARD, WAITING, Stretch, recorded, span

SMALL = (
    *("rounds=2", "evaluate_every=1", "alone=false", "tensorboard=false", "progress=false"),
    *("task.height=32", "task.width=16", "task.batch_identities=4", "task.batch_images=2"),
    *("task.stem=4", "task.stage2=4", "task.stage3=8", "task.dimensions=8"),
)
STEP = 10  # nanoseconds between two looks at the clock
Own = dict[str, int]


def ticking() -> spans.Clock:
    """A clock that goes on whenever somebody looks."""
    times: Iterator[int] = iter(range(0, 10**9, STEP))
    return lambda: next(times)


def batch(begun: int, own: Own) -> Stretch:
    """What a worker sends of a batch."""
    took = sum(own.values())
    return Stretch("batch", begun, took, own, [("batch", ENGINE, begun, took)], 0)


def one_round(profiler: Profiler, number: int, batches: dict[int, list[Stretch]]) -> None:
    """A round of 9 looks at the clock, in which the workers send batches."""
    with recorded(profiler.recorder), span(ENGINE, ROUND, number):
        with span(AGGREGATION):
            pass
        with span(WAITING):
            for worker, stretches in batches.items():
                profiler("spans", worker=worker, stretches=stretches)
    profiler("round_done", round=number, loss={})


def adds_up(profile: dict[str, Any]) -> bool:
    """Whether every process's times come to the wall time, in each round and in all."""
    total = profile["total"]
    each = [*profile["rounds"], total]
    single = all(
        sum(spent[name] for name in CATEGORIES) == row["wall"] and 0 <= spent[WAITING] <= spent[ENGINE]
        for row in each
        for spent in row["processes"].values()
    )
    whole = sum(total["all"][name] for name in CATEGORIES)
    return single and whole == total["wall"] * len(total["processes"])


def kept(folder: Path) -> dict[str, Any]:
    found = profiled.load(folder)
    assert found is not None
    return found


def test_a_round_is_split_between_its_processes(tmp_path: Path) -> None:
    profiler, data = Profiler.start(tmp_path, 1, ticking()), {DATA: 5, FORWARD: 10, ENGINE: 2}
    one_round(profiler, 1, {77: [batch(20, data)], 78: [batch(20, {FORWARD: 7})]})
    found = kept(tmp_path)
    (row,) = found["rounds"]
    assert adds_up(found) and row["wall"] == 50
    nothing = dict.fromkeys(CATEGORIES, 0)
    assert row["processes"] == {
        "main": {**nothing, AGGREGATION: 10, ENGINE: 40, WAITING: 10},
        "worker 1": {**nothing, DATA: 5, FORWARD: 10, ENGINE: 35, WAITING: 33},
        "worker 2": {**nothing, FORWARD: 7, ENGINE: 43, WAITING: 43},
    }
    tracks = [e["args"]["name"] for e in events(tmp_path / "trace.json") if e["ph"] == "M"]
    assert tracks == ["worker 1", "worker 2", "main"]


def test_what_happened_before_the_round_is_in_the_trace_and_not_in_the_table(tmp_path: Path) -> None:
    profiler = Profiler.start(tmp_path, 1, ticking())
    with recorded(profiler.recorder), span(spans.EVALUATION):
        profiler("spans", worker=1, stretches=[batch(0, {spans.EVALUATION: 10})])
    one_round(profiler, 1, {1: [batch(40, {FORWARD: 9})]})
    worker = kept(tmp_path)["rounds"][0]["processes"]["worker 1"]
    assert (worker[FORWARD], worker[spans.EVALUATION], worker[WAITING]) == (9, 0, 41)
    names = [event["name"] for event in events(tmp_path / "trace.json") if event["ph"] == "X"]
    assert sorted(names) == ["aggregation", "batch", "batch", "evaluation", "round 1", "waiting"]


def test_rounds_that_are_told_again_change_nothing(tmp_path: Path) -> None:
    one_round(Profiler.start(tmp_path, 2, ticking()), 1, {})
    before = (tmp_path / "profile.json").read_bytes()
    again = Profiler.start(tmp_path, 2, ticking())
    again("round_done", round=1)
    again("reply", round=2)
    assert (tmp_path / "profile.json").read_bytes() == before
    assert profiled.told(kept(tmp_path)).startswith("1 of 2 rounds took")
    one_round(again, 2, {5: [batch(30, {FORWARD: 9})]})
    found = kept(tmp_path)
    assert [row["round"] for row in found["rounds"]] == [1, 2]
    # the worker was not there in the first round: it waited
    assert adds_up(found) and found["total"]["processes"]["worker 1"][WAITING] == 50 + 41


def test_a_round_that_is_told_of_during_the_next_one_is_split_as_one_told_of_at_once(tmp_path: Path) -> None:
    clock = ticking()
    profiler = Profiler.start(tmp_path, 2, clock)
    with recorded(profiler.recorder):
        with span(ENGINE, ROUND, 1):
            profiler("spans", worker=1, stretches=[batch(clock(), {FORWARD: 5})])
        with span(ENGINE, ROUND, 2):
            profiler("spans", worker=1, stretches=[batch(clock(), {FORWARD: 7})])
            profiler("round_done", round=1)
    profiler("round_done", round=2)
    rows = kept(tmp_path)["rounds"]
    assert [row["processes"]["worker 1"][FORWARD] for row in rows] == [5, 7]
    assert adds_up(kept(tmp_path))


@pytest.mark.parametrize("text", ["", "{", "{}", '{"rounds": []}'])
def test_a_damaged_profile_is_begun_anew(text: str, tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text(text)
    assert profiled.load(tmp_path) is None
    one_round(Profiler.start(tmp_path, 1, ticking()), 1, {})
    assert adds_up(kept(tmp_path))


rows = st.dictionaries(
    st.sampled_from(["main", "worker 1", "worker 2"]),
    st.dictionaries(st.sampled_from(sorted(CATEGORIES)), st.integers(0, 10**12)),
)


@given(st.lists(rows, max_size=4))
def test_sums_over_rounds_add_up_whoever_was_there(several: list[dict[str, Own]]) -> None:
    known = {}
    for number, processes in enumerate(several):
        wall = max((sum(own.values()) for own in processes.values()), default=1)
        idle = {name: wall - sum(own.values()) for name, own in processes.items()}
        split = {name: profiles._split(own, wall, idle[name]) for name, own in processes.items()}
        known[number] = {"round": number, "wall": wall, "processes": split}
    assert adds_up(profiles.summed(known, len(several)))


def test_only_who_asks_hears_of_spans(tmp_path: Path) -> None:
    heard: list[str] = []
    with following(tmp_path, 1, "cpu", lambda name, **fields: heard.append(name)) as emit:
        assert spans.clock() is not None
        emit("spans", worker=1, stretches=[])
        emit("reply")
    assert heard == ["reply"] and spans.clock() is None


def test_the_clock_of_a_gpu_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock_of("cpu") is time.perf_counter_ns
    waited: list[bool] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waited.append(True))
    for used in (False, True):
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda used=used: used)
        before = time.perf_counter_ns()
        assert clock_of("cuda:0")() >= before
    assert waited == [True]


def answer(cfg: str, calls: list[int], together: int, lends: bool) -> list[int]:
    """What a worker does with a batch of numbers."""
    with span(FORWARD):
        return [1 // call for call in calls]


def test_a_worker_sends_its_spans_with_a_batch_and_keeps_none() -> None:
    content = Writer(None).write([1])
    assert len(serve(answer, "{}", content, None, None, 0)) == 3
    *plain, (process, stretches) = serve(answer, "{}", content, None, None, 0, ticking())
    assert plain == list(serve(answer, "{}", content, None, None, 0))
    (found,) = stretches
    assert (process, found.name, found.own) == (os.getpid(), "batch", {FORWARD: 10, ENGINE: 20})
    with pytest.raises(ZeroDivisionError):
        serve(answer, "{}", Writer(None).write([0]), None, None, 0, ticking())
    assert spans.clock() is None


def shown() -> dict[str, Any]:
    own = {name: 10**9 * (n + 1) for n, name in enumerate(CATEGORIES)} | {WAITING: 4 * 10**9}
    row = {"round": 1, "wall": 36 * 10**9, "processes": {"main": own, "worker 1": own}}
    return profiles.summed({1: row}, 1)


def test_the_table_has_every_process_the_sum_and_the_shares() -> None:
    told, heads, *lines = profiled.text(shown()).splitlines()
    assert told == "1 round took 36.00 s; seconds by process, waiting being a part of engine"
    assert heads.split() == ["process", *CATEGORIES, WAITING]
    assert len({len(line) for line in (heads, *lines)}) == 1
    rows = {line[:10].strip(): [float(cell) for cell in line[10:].split()] for line in lines}
    assert list(rows) == ["main", "worker 1", "all", "per cent"]
    assert rows["main"] == [1, 2, 3, 4, 5, 6, 7, 8, 4]
    assert rows["all"] == [2 * value for value in rows["main"]]
    assert sum(rows["per cent"][:-1]) == pytest.approx(100, abs=0.4)


def test_the_report_has_a_section_where_a_profile_was_asked_for() -> None:
    assert 'id="profile"' not in page({}, {}, None)
    found = page({"profile": shown()}, {}, None)
    assert 'id="profile"' in found and "Where the time went" in found
    assert ">worker 1<" in found and "1 round took 36.00 s" in found
    assert "protocol 16.7" in found  # per cent
    alone = shown()
    del alone["total"]["processes"]["worker 1"]
    assert "; this is the time that is split here" in page({"profile": alone}, {}, None)


def test_ray_s_actors_are_refused_in_a_sentence(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with pytest.raises(CompositionError) as error:
        make_plan(composed(["profile=true", "engine=ray"]), tmp_path)
    assert str(error.value).endswith("write engine=local, or leave profile out")
    assert make_plan(composed(["engine=ray"]), tmp_path).switches.profile is False


def test_a_configuration_saved_before_there_was_a_profile_has_none(tmp_path: Path) -> None:
    cfg = {key: value for key, value in composed([]).items() if key != "profile"}
    assert make_plan(cfg, tmp_path).switches.profile is False


def ran(tree: Path, folder: Path, *words: str) -> dict[str, Any]:
    """Run the small job on a drawn tree and return its summary."""
    simulations.simulate({**composed([*SMALL, f"data.root={tree}", *words]), "run": "run"}, folder, [])
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary


def memories(run: Path) -> dict[str, bytes]:
    """Return every site's memory files."""
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("memory/*")}


@pytest.mark.slow
def test_a_profile_of_any_number_of_workers_changes_no_weight(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = ran(drawn, tmp_path / "without", "engine.workers=1")
    assert "seconds by process" not in capsys.readouterr().out
    assert not {"profile.json", "trace.json"} & {path.name for path in (tmp_path / "without").iterdir()}
    for workers in (1, 2):
        run = tmp_path / str(workers)
        summary = ran(drawn, run, "profile=true", f"engine.workers={workers}")
        for key in ("weights_sha256", "metrics", "bytes", "left"):
            assert summary[key] == without[key]
        assert memories(run) == memories(tmp_path / "without")
        whole(run, workers)
        out = capsys.readouterr().out
        assert profiled.text(kept(run)) in out
        assert 'id="profile"' in (run / "report.html").read_text()


def whole(run: Path, workers: int) -> None:
    """Check a run's files against each other."""
    found = kept(run)
    assert adds_up(found) and [row["round"] for row in found["rounds"]] == [1, 2]
    named = ["main", *(f"worker {n}" for n in range(1, workers + 1) if workers > 1)]
    assert list(found["total"]["processes"]) == named
    assert all(found["total"]["all"][name] > 0 for name in CATEGORIES)
    if workers > 1:
        assert found["total"]["processes"]["main"][FORWARD] == 0
    seconds = [e["seconds"] for e in json.loads((run / "result.json").read_text())["history"] if e["round"]]
    for row, trained in zip(found["rounds"], seconds, strict=True):
        assert row["wall"] / 1e9 >= trained
    of = [event for event in json.loads((run / "trace.json").read_text())["traceEvents"]]
    assert sorted(e["args"]["name"] for e in of if e["ph"] == "M") == named
    names = {e["name"] for e in of if e["ph"] == "X"}
    assert {"round 1", "round 2", "site cam1", "site cam6", "site evaluator", "forward"} <= names


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_with_its_profile(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = ran(drawn, tmp_path / "whole", "engine.workers=1")
    save, run = Checkpoints.save, tmp_path / "run"

    class Killed(BaseException):
        """Stands for a signal: nobody catches it."""

    def failing(self: Checkpoints, state: Any) -> None:
        if state.round == 2:
            raise Killed
        save(self, state)

    monkeypatch.setattr(Checkpoints, "save", failing)
    with pytest.raises(Killed):
        ran(drawn, run, "profile=true", "engine.workers=1")
    assert spans.clock() is None
    assert [row["round"] for row in kept(run)["rounds"]] == [1]
    assert profiled.told(kept(run)).startswith("1 of 2 rounds")
    monkeypatch.undo()
    first = kept(run)["rounds"][0]
    assert simulations.resume(run)["weights_sha256"] == reference["weights_sha256"]
    whole(run, 1)
    assert kept(run)["rounds"][0] == first


@pytest.mark.slow
def test_sites_trained_together_have_a_profile_too(drawn: Path, tmp_path: Path) -> None:
    words = ("engine.workers=1", "engine.together=6", "strategy=fedavg")
    summary = ran(drawn, tmp_path / "run", "profile=true", *words)
    assert adds_up(kept(tmp_path / "run"))
    spent = kept(tmp_path / "run")["total"]["all"]
    assert all(spent[name] > 0 for name in (DATA, FORWARD, spans.BACKWARD, spans.UPDATE))
    names = {event["name"] for event in events(tmp_path / "run" / "trace.json")}
    assert any(name.startswith("sites together") for name in names)
    assert summary["weights_sha256"] == ran(drawn, tmp_path / "off", *words)["weights_sha256"]
