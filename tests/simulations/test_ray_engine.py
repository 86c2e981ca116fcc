"""Flower's Ray simulation; the slow tests start Ray once, and once more after they have broken it."""

import gc
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from flwr.app import Context, Error, Message, RecordDict
from flwr.common.constant import ErrorCode

from isofed.__main__ import main as isofed
from isofed.client.place import EVALUATOR
from isofed.errors import ConfigError, RoundError
from isofed.events import silent
from isofed.server.state import Checkpoints, ServerState
from isofed.simulations import engine as engines
from isofed.simulations import ray_engine, ray_nodes, ray_reaper
from isofed.simulations.federation import Federation, run
from isofed.simulations.grid import Node, identify
from isofed.simulations.pool import Pool
from isofed.simulations.ray_engine import RayEngine, RayGrid, Session
from isofed.simulations.ray_nodes import ROLE, VirtualNode, introduced, introduction
from tests.pace import LONG

SITES = ("cam1", "cam2", "cam3")
SMALL = {"classes": 16, "height": 32, "width": 16, "stem": 4, "stage2": 4, "stage3": 8, "dimensions": 8}
BATCH = {"batch_identities": 4, "batch_images": 2}
# Ray closes neither its logs nor what it knows of its processes
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
MARK = "ISOFED_TEST_MARK"  # all processes of a run inherit it


def federation(drawn: Path, folder: Path, strategy: str = "fedavg", **changes: Any) -> Federation:
    """Return three cameras for two rounds."""
    cfg = {
        **{"run": "run", "seed": 0, "rounds": 2, "evaluate_every": 1, "layout": "sysu"},
        "task": {"name": "reid", **SMALL, **BATCH},
        "protocol": {"name": "camera", "min_images": 2},
        "strategy": {"name": strategy},
    }
    return Federation("federated", cfg | changes, SITES, drawn, folder / "sites", folder)


def history(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all that was measured, times left out."""
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in result["history"]]


def memories(folder: Path) -> dict[str, bytes]:
    """Return every site's memory files."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("memory/*")}


@pytest.fixture(scope="module")
def rayed() -> Iterator[Pool]:
    """A pool whose federations go over Ray."""
    pytest.importorskip("ray")
    path = os.environ.get("PYTHONPATH")
    pool = Pool(1, engine=RayEngine(2, 1))
    yield pool
    pool.stop()
    gc.collect()
    assert os.environ.get("PYTHONPATH") == path


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["fedavg", "dppt", "flwr.FedYogi"])
def test_ray_and_local_agree_to_the_bit(drawn: Path, tmp_path: Path, rayed: Pool, strategy: str) -> None:
    local = run(federation(drawn, tmp_path / "local", strategy), Pool(1))
    said: list[tuple[str, dict[str, Any]]] = []
    other = run(
        federation(drawn, tmp_path / "ray", strategy), rayed, lambda name, **more: said.append((name, more))
    )
    assert other["weights_sha256"] == local["weights_sha256"]
    assert history(other) == history(local)
    assert memories(tmp_path / "ray") == memories(tmp_path / "local") != {}
    names = [name for name, _ in said if name != "starting"]
    assert names == ["evaluated", *(["reply"] * 3 + ["evaluated", "round_done"]) * 2]


@pytest.mark.slow
def test_a_stopped_federation_goes_on(
    drawn: Path, tmp_path: Path, rayed: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(federation(drawn, tmp_path / "local", "dppt"), Pool(1))
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(federation(drawn, tmp_path / "ray", "dppt"), rayed)
    # the sites have answered, the server knows nothing: it asks again and gets the same
    before = memories(tmp_path / "ray")
    assert len([name for name in before if "1.1" in name]) == len(SITES)
    assert (
        run(federation(drawn, tmp_path / "ray", "dppt"), rayed)["weights_sha256"] == whole["weights_sha256"]
    )
    assert memories(tmp_path / "ray") == memories(tmp_path / "local")


@pytest.mark.slow
@pytest.mark.parametrize("attack", [{"name": "alie", "deviations": 1.5}, {"name": "backdoor"}], ids=str)
def test_hostile_sites_do_the_same_on_ray_and_after_a_stop(
    drawn: Path, tmp_path: Path, rayed: Pool, monkeypatch: pytest.MonkeyPatch, attack: dict[str, Any]
) -> None:
    def beset(place: str, **more: Any) -> Federation:
        made = federation(drawn, tmp_path / place, "median", evaluate_every=0)
        return replace(made, attack={**attack, "sites": 1, **more})

    whole = run(beset("local"), Pool(1))
    kept = Checkpoints.save

    def save(self: Checkpoints, state: ServerState) -> None:
        kept(self, state) if state.round < 2 else 1 / 0

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save)
        with pytest.raises(ZeroDivisionError):
            run(beset("ray"), rayed)
    again = run(beset("ray"), rayed)
    assert again["weights_sha256"] == whole["weights_sha256"]
    assert history(again) == history(whole)
    assert again["hostile"] == whole["hostile"] != []


@pytest.mark.slow
def test_a_refusal_arrives_as_one_sentence(
    drawn: Path, tmp_path: Path, rayed: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Federation.nodes

    def nodes(self: Federation) -> dict[str, Node]:
        found = plain(self)
        agreed = {**found["cam2"].config, "level": "entity"}
        return {**found, "cam2": Node(found["cam2"].number, agreed)}

    monkeypatch.setattr(Federation, "nodes", nodes)
    heard: list[str] = []
    with pytest.raises(RoundError):
        run(
            federation(drawn, tmp_path, evaluate_every=0),
            rayed,
            lambda name, **more: heard.append(more["reason"]) if name == "refused" else None,
        )
    (reason,) = heard
    assert reason.startswith("the run's protocol is 'camera'") and "cam2 agreed to 'entity'" in reason
    assert "\n" not in reason and "<" not in reason


@pytest.mark.slow
def test_more_nodes_than_before_are_found(rayed: Pool) -> None:
    for count in (2, 9):
        nodes = {f"site{number}": Node(number, {}) for number in range(count)}
        grid, numbers = rayed.engine(nodes, "{}", silent)
        assert set(numbers) == set(nodes)
        assert set(numbers.values()) <= set(grid.get_node_ids())
        assert len(set(numbers.values())) == count


@pytest.mark.slow
def test_a_lost_actor_ends_the_federation(drawn: Path, tmp_path: Path, rayed: Pool) -> None:
    def emit(name: str, **_: Any) -> None:
        if name == "evaluated":
            ray_engine._kill_actors()

    with pytest.raises(BrokenProcessPool):
        run(federation(drawn, tmp_path), rayed, emit)
    rayed.engine.stop(now=True)
    assert [p.name() for p in psutil.Process().children(recursive=True) if "ray" in p.name()] == []


def living(mark: str) -> list[psutil.Process]:
    """Return the processes of a run."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_of_a_stopped_run_lives_on_and_it_resumes(drawn: Path, tmp_path: Path, how: int) -> None:
    pytest.importorskip("ray")
    place, mark = tmp_path / "run", f"{tmp_path} {how}"
    task = [f"task.{key}={value}" for key, value in (SMALL | BATCH).items()]
    # one that is only stopped may not end before
    rounds = 5 if how == signal.SIGKILL else 1000
    words = [
        f"rounds={rounds}",
        "evaluate_every=0",
        "alone=false",
        "tensorboard=false",
        f"data.root={drawn}",
        *task,
    ]
    words += ["engine.workers=1", f"hydra.run.dir={place}"]
    command, env = [sys.executable, "-m", "isofed", "simulate"], {**os.environ, MARK: mark}
    main = subprocess.Popen([*command, "engine=ray", *words], env=env, stderr=subprocess.PIPE, text=True)
    while not list(place.glob("checkpoints/*.ckpt")):
        assert main.poll() is None, main.communicate()[1]
        time.sleep(0.01)
    main.send_signal(how)
    said = main.communicate(timeout=LONG)[1].splitlines()
    end = time.monotonic() + LONG
    while left := living(mark):
        assert time.monotonic() < end, left
        time.sleep(0.05)
    if how == signal.SIGTERM:
        assert main.returncode == 143
        passing = ("federated, round", "decoding", "opening")
        told = [line for line in said if line and not line.startswith(passing)]
        begun = (
            "writing into",
            "starting Ray with 1 actors",
            "stopped by SIGTERM; the run is kept up to round ",
        )
        assert [line.startswith(begin) for line, begin in zip(told, begun, strict=True)] == [True] * 3
        return  # it is resumed after the harder end
    subprocess.run([*command, "--resume", str(place)], check=True, capture_output=True)
    whole = tmp_path / "whole"
    assert isofed(["simulate", *words, f"hydra.run.dir={whole}"]) == 0
    one, other = (json.loads((folder / "summary.json").read_text()) for folder in (place, whole))
    assert one["weights_sha256"] == other["weights_sha256"]
    assert (one["engine"], other["engine"]) == ("ray", "local")


def test_without_ray_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs Ray, .* pip install 'isofed\[simulation\]'"):
        engines.read_engine({"name": "ray", "workers": 1, "device": "cpu"})
    assert engines.read_engine({"name": "local", "workers": 1, "device": "cpu"}).workers == 1


def message(content: RecordDict, kind: str) -> Message:
    """Return a message as a node gets it."""
    identify()
    built = Message(content, 7, kind)
    built.metadata.__dict__["_message_id"] = "asked"
    return built


@pytest.fixture
def virtual(monkeypatch: pytest.MonkeyPatch) -> VirtualNode:
    """A virtual node in this process, which shall not end with its parent."""
    monkeypatch.setattr(ray_nodes, "_prepare", lambda threads: None)
    return VirtualNode(1)


def test_a_virtual_node_is_what_it_was_last_told(
    virtual: VirtualNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def answer(cfg: str, node: Node, state: RecordDict, order: Message) -> tuple[Message, RecordDict]:
        seen.append((cfg, node))
        return Message(RecordDict(), reply_to=order), state

    monkeypatch.setattr(ray_nodes, "handle", answer)
    context = Context(1, 7, {"partition-id": 3}, RecordDict(), {})
    for site in ("cam1", EVALUATOR):
        told = message(introduction(site, {"site": site, "min_images": 2}, f"cfg of {site}"), "query")
        context.state["memory"] = told.content[ROLE]
        assert introduced(virtual(told, context)) == site
        assert set(context.state) == {ROLE}
        virtual(message(RecordDict(), "train"), context)
        assert seen[-1] == (f"cfg of {site}", Node(7, {"site": site, "min_images": 2}))


class Refusing:
    """Stands for Flower's grid that takes no message."""

    def push_messages(self, messages: Any) -> list[str]:
        """Take none."""
        return []


class Replies:
    """Stands for Flower's grid: gives these replies once."""

    def __init__(self, *replies: Message) -> None:
        self.replies = list(replies)

    def pull_messages(self, message_ids: Any) -> list[Message]:
        """Return them."""
        given, self.replies = self.replies, []
        return given


def serving(grid: Any) -> Session:
    """Return a session with this grid that was never started."""
    session = Session(1)
    session._lent.put(grid)
    return session


def failed(code: int) -> Message:
    """Return an error reply."""
    return Message(Error(code, "why"), reply_to=message(RecordDict(), "train"))


def test_what_a_client_refuses_is_a_reply_and_what_ray_loses_is_not() -> None:
    own, lost = failed(ErrorCode.CLIENT_APP_RAISED_EXCEPTION), failed(ErrorCode.UNKNOWN)
    assert list(RayGrid(serving(Replies(own))).pull_messages([])) == [own]
    with pytest.raises(BrokenProcessPool):
        RayGrid(serving(Replies(own, lost))).pull_messages([])


def test_a_message_that_flower_drops_is_not_waited_for() -> None:
    with pytest.raises(RoundError, match="did not take all messages"):
        RayGrid(serving(Refusing())).push_messages([message(RecordDict(), "train")])


def test_a_simulation_that_ended_is_told_of_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    session = serving(Replies())
    assert RayGrid(session).pull_messages([]) == []
    session.error = "RuntimeError: no room"
    session.over.set()
    with pytest.raises(RoundError, match="ended by itself: RuntimeError: no room"):
        RayGrid(session).pull_messages([])
    with pytest.raises(RoundError):
        RayGrid(serving(None)).get_node_ids()


@pytest.mark.slow
def test_a_simulation_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    simulations = pytest.importorskip("flwr.simulation")
    pytest.importorskip("ray")

    def refuses(*_: Any, **__: Any) -> None:
        raise RuntimeError("no\nroom")

    monkeypatch.setattr(simulations, "run_simulation", refuses)
    session = Session(1)
    session.start(1, 1)
    with pytest.raises(RoundError, match="ended by itself: RuntimeError: no room"):
        _ = session.grid
    session.stop()
    assert not any(thread.is_alive() for thread in threading.enumerate() if thread is session._thread)


def test_what_ray_leaves_behind_is_ended_and_removed(tmp_path: Path) -> None:
    folder, other = tmp_path / "mine", tmp_path / "other"
    for each in (folder, other):
        each.mkdir()
    sleep = [sys.executable, "-c", "import time; time.sleep(1200)"]
    named = subprocess.Popen([*sleep, f"--logs={folder}/logs"])
    told = subprocess.Popen(sleep, env={**os.environ, ray_reaper.VARIABLE: str(folder)})
    others = subprocess.Popen([*sleep, f"--logs={other}"])
    try:
        watcher = ray_reaper.watch(str(folder))
        time.sleep(0.2)
        assert (watcher.poll(), named.poll(), told.poll(), folder.exists()) == (None, None, None, True)
        ray_reaper.release(watcher, LONG)
        assert (watcher.returncode, named.wait(LONG), told.wait(LONG)) == (
            0,
            -signal.SIGKILL,
            -signal.SIGKILL,
        )
        assert others.poll() is None
        assert [path.name for path in tmp_path.iterdir()] == ["other"]
    finally:
        for process in (named, told, others):
            process.kill()
            process.wait()


@pytest.mark.slow
def test_flower_is_silent_and_nothing_stays_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", "mine")
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    flower, level = logging.getLogger("flwr"), logging.getLogger("flwr").level
    with ray_engine._settings() as extra:
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert not flower.isEnabledFor(logging.CRITICAL)
        os.environ["PYTHONPATH"] = "longer"
        assert extra["logging_level"] > logging.CRITICAL
        # Ray's sockets would not fit into a path as long as this test's
        assert ("_temp_dir" in extra) == (len(str(tmp_path)) < 20)
    assert os.environ["PYTHONPATH"] == "mine" and "RAY_USAGE_STATS_ENABLED" not in os.environ
    assert flower.level == level and list(tmp_path.iterdir()) == []
