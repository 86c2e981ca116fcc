"""The main job's first step: the data, read once, and the same when a run goes on."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import pytest

from isofed.errors import CheckpointError
from isofed.events import silent
from isofed.simulations import simulate as simulations
from isofed.simulations.command import _composing, _plain
from isofed.simulations.plan import make_plan
from isofed.simulations.pool import Pool
from isofed.simulations.progress import Progress
from isofed.simulations.simulate import FACTS, Job, _logged, _prepare
from isofed.simulations.stopwatch import Stopwatch
from isofed.tasks.reid.layouts.sysu import layout

SMALL = (
    *("progress=false", "engine.workers=1", "task.height=32", "task.width=16"),
    *("task.batch_identities=4", "task.batch_images=2", "task.stem=4", "task.stage2=4"),
    *("task.stage3=8", "task.dimensions=8"),
)
Prepare = Callable[[], dict[str, Any]]


def job(tree: Path, folder: Path) -> Job:
    """A job over ``tree``, planned as the command plans it."""
    with _composing():
        cfg = _plain(hydra.compose("simulate", [*SMALL, f"data.root={tree}"]))
    folder.mkdir(exist_ok=True)
    watch = Stopwatch.start(folder / "seconds.json")
    return Job(make_plan(cfg, folder), Pool(1), Progress(0, enabled=False), watch, silent)


def test_a_refusal_that_speaks_of_a_log_is_told_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "cam2").mkdir()
    log = tmp_path / "cam2" / "errors.log"
    log.write_text("Traceback ...\nKeyError: 'nope'\n")
    said = _logged("cam2: unexpected KeyError; see errors.log", tmp_path)
    assert said == f"; {log} ends with: KeyError: 'nope'"
    assert _logged("cam2: no such channel", tmp_path) == "" == _logged("errors.log", tmp_path / "cam2")


def person(tree: Path, camera: int) -> Path:
    """The folder of a training person at a camera."""
    numbers = (tree / "exp" / "train_id.txt").read_text().strip().split(",")
    return next(p for n in numbers if (p := tree / f"cam{camera}" / f"{int(n):04d}").is_dir())


def test_every_site_is_counted_and_the_plan_knows_the_classes(tree: Path, tmp_path: Path) -> None:
    ready = job(tree, tmp_path / "run")
    facts = _prepare(ready)
    assert list(facts) == [f"cam{n}" for n in range(1, 7)]
    assert facts["cam1"] == {
        **{"modality": "visible", "place": facts["cam1"]["place"]},
        **{"images": 32, "identities": 8},
    }
    assert json.loads((tmp_path / "run" / FACTS).read_text()) == facts
    assert ready.plan.cfg["task"]["classes"] == 16
    assert ready.plan.setting().options.classes == 16


def test_a_tree_is_walked_once_to_plan_and_once_to_prepare(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[Path] = []
    plain = layout.open_sysu
    monkeypatch.setattr(layout, "open_sysu", lambda root: walked.append(root) or plain(root))
    _prepare(job(tree, tmp_path / "run"))
    assert walked == [tree] * 2


def test_the_same_data_are_taken_again(tree: Path, tmp_path: Path) -> None:
    first = _prepare(job(tree, tmp_path / "run"))
    assert _prepare(job(tree, tmp_path / "run")) == first


def test_other_data_are_refused_with_the_site_and_its_counts(tree: Path, tmp_path: Path) -> None:
    _prepare(job(tree, tmp_path / "run"))
    kept = (tmp_path / "run" / FACTS).read_bytes()
    next(person(tree, 3).glob("*.jpg")).unlink()
    sentence = "training data of cam3 changed after this run began: 32 images of 8 identities then, 31 images"
    with pytest.raises(CheckpointError, match=sentence):
        _prepare(job(tree, tmp_path / "run"))
    assert (tmp_path / "run" / FACTS).read_bytes() == kept


def test_a_site_that_came_later_is_refused(tree: Path, tmp_path: Path) -> None:
    facts = _prepare(job(tree, tmp_path / "run"))
    del facts["cam6"]
    (tmp_path / "run" / FACTS).write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match=r"cam6 changed after this run began: nothing then, \d+ images"):
        _prepare(job(tree, tmp_path / "run"))


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", "null"])
def test_damaged_facts_are_named(tree: Path, tmp_path: Path, text: str) -> None:
    ready = job(tree, tmp_path / "run")
    (tmp_path / "run" / FACTS).write_text(text)
    with pytest.raises(CheckpointError, match=r"facts\.json' is damaged; delete it and resume"):
        _prepare(ready)


def test_the_watch_reads_its_file_under_the_lock_and_counts_the_planning(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg, folder = dict(job(tree, tmp_path / "run").plan.cfg), tmp_path / "run"
    happened: list[tuple[str, float]] = []

    def noted(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any, **kwargs: Any) -> Any:
            result = plain(*args, **kwargs)
            happened.append((name, kwargs.get("since", time.monotonic())))
            return result

        return noting

    for owner, name in ((simulations, "make_plan"), (simulations, "locked"), (Stopwatch, "start")):
        monkeypatch.setattr(owner, name, noted(name, getattr(owner, name)))
    monkeypatch.setattr(simulations, "_pooled", lambda plan, watch: {})
    simulations.simulate(cfg, folder, [])
    (first, planned), (second, _), (third, since) = happened
    assert (first, second, third) == ("make_plan", "locked", "start")
    assert since < planned
