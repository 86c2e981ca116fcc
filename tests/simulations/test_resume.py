"""Runs that are stopped at chosen lines in this process; tests/acceptance kills real ones at any moment."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from isofed.__main__ import main
from isofed.client.memory import Memory
from isofed.errors import CheckpointError
from isofed.files import write_json
from isofed.server.state import Checkpoints
from isofed.simulations import ending
from isofed.simulations import simulate as simulations
from isofed.simulations.command import composed as compose
from isofed.simulations.folder import claim, finished, load_config, sweep
from isofed.tasks.layouts import tree
from tests.forked import Forked
from tests.pace import LONG

SMALL = [
    "rounds=2",
    "evaluate_every=1",
    "progress=false",
    "engine.workers=1",
    *[
        f"data.make.{key}"
        for key in ("identities=16", "test_identities=4", "images=4", "height=32", "width=16")
    ],
    *[f"task.{key}" for key in ("height=32", "width=16", "batch_identities=4", "batch_images=2")],
    *[f"task.{key}" for key in ("stem=4", "stage2=4", "stage3=8", "dimensions=8")],
]
SAME = ("weights_sha256", "metrics", "spread", "bytes", "sites", "left")


class Killed(BaseException):
    """Stands for a signal: nobody catches it."""


def composed(*overrides: str) -> dict[str, Any]:
    """Compose the configuration as the command does; runs in several folders get one name, to be compared."""
    return {**compose(list(overrides)), "run": "run"}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run left in peace."""
    run = tmp_path_factory.mktemp("reference") / "run"
    simulations.simulate(composed(*SMALL), run, [])
    return run


def after(calls: int, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``plain``, but its last call of ``calls`` does its work and then stops everything."""
    left = iter(range(calls - 1, -1, -1))

    def stops(*args: Any, **kwargs: Any) -> Any:
        result = plain(*args, **kwargs)
        if next(left, 1) == 0:
            raise Killed
        return result

    return stops


def before(*_: Any, **__: Any) -> Any:
    """Stop everything."""
    raise Killed


PLACES: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "writing data": (tree, "_clear", after(2, tree._clear)),
    "a site has answered, the server knows nothing": (Memory, "commit", after(9, Memory.commit)),
    "a round is committed, nobody was told": (Checkpoints, "save", after(2, Checkpoints.save)),
    "a camera alone is half done": (Checkpoints, "save", after(8, Checkpoints.save)),
    "before the report": (ending, "write_report", before),
}


@pytest.mark.slow
@pytest.mark.parametrize("place", PLACES)
def test_a_stopped_run_resumes_to_the_same_end(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(*PLACES[place])
        with pytest.raises(Killed):
            simulations.simulate(composed(*SMALL), run, [])
    assert not (run / "summary.json").exists()
    simulations.resume(run)
    one, other = (json.loads((folder / "summary.json").read_text()) for folder in (reference, run))
    assert [key for key in SAME if one[key] != other[key]] == []
    assert memories(reference) == memories(run)
    assert curves(reference) == curves(run)
    assert list(run.rglob("*.partial")) == []


def memories(run: Path) -> dict[str, bytes]:
    """Return every site's memory files."""
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("memory/*")}


def curves(run: Path) -> dict[str, list[int]]:
    """Return the rounds that TensorBoard shows of each curve."""
    shown = {}
    for folder in {path.parent for path in (run / "tb").rglob("events.*")} - {run / "tb" / "final"}:
        events = EventAccumulator(str(folder))
        events.Reload()
        shown[folder.relative_to(run).as_posix()] = [event.step for event in events.Scalars("time/round")]
    return shown


@pytest.mark.slow
def test_every_round_is_one_point_of_its_curve(reference: Path) -> None:
    sites = [f"tb/alone/cam{number}" for number in range(1, 7)]
    assert curves(reference) == {key: [1, 2] for key in ("tb/federated", *sites)}


def test_the_curves_have_the_names_that_the_sink_documents(reference: Path) -> None:
    events = EventAccumulator(str(reference / "tb" / "federated"))
    events.Reload()
    told = ("loss/", "bytes/", "steps/", "examples/")
    found = {tag for tag in events.Tags()["scalars"] if not tag.startswith(told)}
    keys = ("R1", "R5", "R10", "R20", "mAP", "mINP")
    over = {f"draws/{key}/{which}" for key in keys for which in ("lowest", "highest", "deviation")}
    assert found == {"time/round", "rate", *(f"metrics/{key}" for key in keys), *over}


def test_pictures_embedding_and_configuration_are_there(reference: Path) -> None:
    folder = reference / "tb" / "federated"
    events = EventAccumulator(str(folder))
    events.Reload()
    assert events.Tags()["images"] == [f"gallery/query_{number:02d}" for number in range(1, 11)]
    assert set(events.Tags()["tensors"]) == {"configuration", "whose_pictures"}
    points = len((folder / "embedding.tsv").read_text().splitlines())
    assert points == len((folder / "embedding_labels.tsv").read_text().splitlines()) - 1 > 0
    final = EventAccumulator(str(reference / "tb" / "final"))
    final.Reload()
    summary = json.loads((reference / "summary.json").read_text())
    shown = {tag: final.Scalars(f"final/{tag}")[-1].value for tag in summary["metrics"]["federated"]}
    assert shown == pytest.approx(summary["metrics"]["federated"])


def test_every_draw_is_in_the_summary(reference: Path) -> None:
    summary = json.loads((reference / "summary.json").read_text())
    models = {f"alone/{site}": draws for site, draws in summary["draws"]["alone"].items()}
    assert len(models) == 6
    for name, draws in (models | {k: summary["draws"][k] for k in ("untrained", "federated")}).items():
        kind, _, site = name.partition("/")
        mean, spread = (summary[key][kind] for key in ("metrics", "spread"))
        for key, values in draws.items():
            assert len(values) == 10
            assert np.isclose((mean[site] if site else mean)[key], np.mean(values))
            assert np.isclose((spread[site] if site else spread)[key], np.std(values, ddof=1))


def test_a_finished_run_is_left_as_it_is(reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.name != ".lock"}
    summary = simulations.resume(reference)
    assert summary == json.loads((reference / "summary.json").read_text())
    assert "this run is finished" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in reference.rglob("*") if path.name != ".lock"}


@pytest.mark.slow
def test_a_lost_worker_ends_the_run_with_a_sentence_and_it_resumes(reference: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["simulate", *SMALL, "engine.workers=2", f"hydra.run.dir={run}"]
    forked = Forked.of(main, words, tmp_path / "log")
    while not (run / "checkpoints").exists():
        assert forked.poll() is None
        time.sleep(0.01)
    os.kill(children(forked.pid)[0], signal.SIGKILL)
    assert forked.wait(5 * LONG) == 2
    said = (tmp_path / "log").read_text()
    assert said.splitlines()[-1].startswith("isofed: a worker process was ended from outside")
    assert "Traceback" not in said
    assert (
        simulations.resume(run)["weights_sha256"]
        == json.loads((reference / "summary.json").read_text())["weights_sha256"]
    )


def children(parent: int) -> list[int]:
    """Return the worker processes of a run, in order."""
    with open(f"/proc/{parent}/task/{parent}/children") as file:
        return [int(word) for word in file.read().split()]


def test_half_written_files_are_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in ("sites/cam1/.x.7.partial", "checkpoints/y.partial", "keep.json", "data.partial/z.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    sweep(tmp_path)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"keep.json", "data.partial/z.jpg"}


def test_a_run_is_finished_when_summary_and_report_are_there(tmp_path: Path) -> None:
    assert finished(tmp_path) is None
    (tmp_path / "summary.json").write_text('{"seed": 3}')
    assert finished(tmp_path) is None
    (tmp_path / "report.html").touch()
    assert finished(tmp_path) == {"seed": 3}
    (tmp_path / "summary.json").write_text("{")
    assert finished(tmp_path) is None


def test_a_run_that_was_begun_before_steps_could_be_traced_is_the_same_run(tmp_path: Path) -> None:
    cfg = {"seed": 1, "engine": {"name": "local", "workers": 1, "traced": False}}
    older = {"seed": 1, "engine": {"name": "local", "workers": 1}}
    write_json(tmp_path / "config.json", {**older, "overrides": ["seed=1"]})
    claim(tmp_path, cfg, [])
    assert load_config(tmp_path) == (cfg, ["seed=1"])
    with pytest.raises(CheckpointError, match="engine"):
        claim(tmp_path, {**cfg, "engine": {**cfg["engine"], "traced": True}}, [])  # type: ignore[dict-item]


def test_a_folder_is_claimed_once(tmp_path: Path) -> None:
    claim(tmp_path, {"seed": 1, "rounds": 2}, ["seed=1"])
    claim(tmp_path, {"seed": 1, "rounds": 2, "progress": False}, [])
    assert load_config(tmp_path) == ({"seed": 1, "rounds": 2}, ["seed=1"])
    with pytest.raises(CheckpointError, match=r"another configuration \(other rounds, seed\)"):
        claim(tmp_path, {"seed": 2}, [])
    write_json(tmp_path / "config.json", {"engine": {"name": "deployed"}})
    with pytest.raises(CheckpointError, match="with isofed run --resume"):
        claim(tmp_path, {"seed": 2}, [])
