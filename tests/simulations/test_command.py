"""Bad input: one sentence, an exit code, nothing half written; and the few good inputs that Hydra adds."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from isofed.__main__ import main
from isofed.config import read
from isofed.errors import ConfigError
from isofed.simulations.lock import locked
from isofed.tasks.reid.options import RANGES as RANGED
from isofed.tasks.reid.options import ReidOptions
from tests.forked import completed

SMALL = [
    "rounds=1",
    "alone=false",
    "tensorboard=false",
    "progress=false",
    "engine.workers=1",
    *[
        f"data.make.{key}"
        for key in ("identities=16", "test_identities=4", "images=4", "height=32", "width=16")
    ],
    *[f"task.{key}" for key in ("height=32", "width=16", "batch_identities=4", "batch_images=2")],
    *[f"task.{key}" for key in ("stem=4", "stage2=4", "stage3=8", "dimensions=8")],
]


@dataclass(frozen=True)
class Said:
    """What a command did: its exit code and its two outputs."""

    code: int
    out: str
    err: str

    def sentence(self) -> str:
        """Return the one line it complained with."""
        assert self.code not in (0, 1), (self.code, self.err)
        assert self.out == ""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("isofed: ")
        assert len(lines[0]) > 30
        return lines[0].removeprefix("isofed: ")


Run = Callable[..., Said]


@pytest.fixture
def isofed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Return a caller of the command in this process, standing in an empty folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sys, "argv", ["isofed"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def call(*words: str) -> Said:
        capsys.readouterr()
        code = main(list(words))
        return Said(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that has everything but its summary, as if it had been killed in its last step."""
    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["isofed"])
        patch.setenv("HYDRA_FULL_ERROR", "0")
        assert main(["simulate", *SMALL, f"hydra.run.dir={run}"]) == 0
    for name in ("summary.json", "result.json"):
        (run / name).unlink()
    return run


@pytest.fixture
def run(stopped: Path, tmp_path: Path) -> Path:
    """Return a copy of that run, to be damaged."""
    return Path(shutil.copytree(stopped, tmp_path / "run"))


# --- what is refused before anything is written

NAMES = [
    (["simulte"], "unknown command 'simulte'; did you mean 'simulate'?"),
    (["list", "task"], "unknown list 'task'; did you mean 'tasks'?"),
    (["data", "mak", "sysu"], "unknown data command 'mak'; did you mean 'make'?"),
    (["data", "make", "syus"], "unknown layout 'syus'; did you mean 'sysu'?"),
    (["simulate", "task=ried"], "unknown task 'ried'; did you mean 'reid'?"),
    (["simulate", "strategy=fedvag"], "unknown strategy 'fedvag'; did you mean 'fedavg'?"),
    (["simulate", "protocol=camra"], "unknown protocol 'camra'; did you mean 'camera'?"),
    (["simulate", "engine=locl"], "unknown engine 'locl'; did you mean 'local'?"),
    (["simulate", "data=syus"], "unknown data 'syus'; did you mean 'sysu'?"),
    (["simulate", "data=vein_sensors"], "is one of task=vein, but the run's task is 'reid'; write"),
    (["simulate", "task=vein", "data=sysu"], "is one of task=reid, but the run's task is 'vein'; write"),
    (["simulate", "controls=ful"], "unknown controls 'ful'; did you mean 'full'?"),
    (["simulate", "task.search=indor"], "unknown search 'indor'; did you mean 'indoor'?"),
    (["simulate", "task.draws=ofical"], "unknown draws 'ofical'; did you mean 'official'?"),
    (["simulate", "task.labels=shufled"], "unknown labels 'shufled'; did you mean 'shuffled'?"),
    (["simulate", "task.batch_identites=4"], "did you mean 'task.batch_identities'?"),
    (["simulate", "data.make.identites=9"], "did you mean 'data.make.identities'?"),
    (["simulate", "strategy.lamb=2"], "did you mean 'strategy.lam'?"),
    (["simulate", "sede=1"], "did you mean 'seed'?"),
    (["simulate", "+sede=1"], "unknown key 'sede'; did you mean 'seed'?"),
    (["simulate", "+task.momentun=1"], "unknown key 'task.momentun'; did you mean 'momentum'?"),
    (["simulate", "--mulitrun", "seed=1"], "unknown option '--mulitrun'; did you mean '--multirun'?"),
    (["simulate", "task.name=5"], "unknown task '5'; known: action_units, micro_gesture, reid, vein"),
    (["simulate", "task=3"], "unknown task '3'; known: action_units, "),
]

TYPES = [
    ("rounds=abc", "'rounds' is 'abc', but must be a whole number"),
    ("rounds=null", "'rounds' is None, but must be a whole number"),
    ("seed=1.5", "'seed' is 1.5, but must be a whole number"),
    ("alone=maybe", "'alone' is 'maybe', but must be true or false"),
    ("task.momentum=high", "'task.momentum' is 'high', but must be a number"),
    ("task.labels=true", "'task.labels' is True, but must be a text"),
    ("engine.workers=many", "'engine.workers' is 'many', but must be a whole number or auto"),
    ("data.make=3", "'data.make' is 3, but must be a group of keys"),
    ("data.root=5", "'data.root' is 5, but must be a text"),
    ("strategy.normalise=1", "'strategy.normalise' is 1, but must be true or false"),
]

RANGES = [
    ("rounds=-1", "'rounds' is -1, but must lie between 0 and 1000000"),
    ("evaluate_every=-1", "'evaluate_every' is -1, but must lie between"),
    ("engine.workers=0", "'engine.workers' is 0, but must lie between 1 and 256"),
    ("engine.threads_per_client=0", "'engine.threads_per_client' is 0, but must lie between 1 and 256"),
    ("protocol.min_images=0", "protocol: 'min_images' is 0, but must lie between 1 and"),
    ("strategy.k=0", "strategy: 'k' is 0, but must lie between 1 and"),
    ("strategy.lam=-1", "strategy: 'lam' is -1"),
    ("strategy.over=pres", "unknown over 'pres'; did you mean 'present'?"),
    ("strategy.loss=cosin", "'cosin'"),
    ("data.make.images=0", "images is 0; expected 1 to 9999"),
    ("data.make.coverage=0.1", "coverage is 0.1; expected 0.25 to 1"),
    ("task.shots=3", "'shots' is 3, but the benchmark has 1 or 10"),
    ("task.momentum=nan", "'momentum' is nan, but must lie between"),
]

OPTIONS = [
    ("classes", -1), ("height", 15), ("width", 15), ("padding", -1), ("flip", 1.5), ("flip", -0.1),
    ("channel_augmentation", 2), ("stem", 0), ("stage2", 0), ("stage3", 0), ("dimensions", 0),
    ("circle_weight", -1), ("circle_margin", 2), ("circle_scale", 0), ("circle_divisor", 0),
    ("batch_identities", 0), ("batch_identities", 1), ("batch_images", 0), ("head_rate", 0),
    ("backbone_rate", -1), ("momentum", 1.5), ("momentum", 1.0), ("weight_decay", -1), ("warmup", 1.0),
    ("peak_round", -1), ("local_epochs", 0), ("shots", 0), ("split", 0), ("stems", 3), ("erasing", 1.5),
]  # fmt: skip

MALFORMED = [
    (["foo"], "cannot read 'foo'; write KEY=VALUE"),
    (["=3"], "cannot read '=3'; write KEY=VALUE"),
    (["seed=[1"], "cannot read 'seed=[1'; write KEY=VALUE"),
    (["~task"], "'~task' removes what a run needs"),
    (["seed=1,2"], "'seed=1,2' holds several values; put --multirun before it"),
    (["seed=1", "--resume", "x"], "--resume takes the folder of one run and nothing else"),
    (["--cfg"], "--cfg must be followed by one of: job, hydra, all"),
    (["--cfg", "jobb"], "--cfg must be followed by one of: job, hydra, all"),
    (["--resume"], "--resume takes the folder of one run and nothing else"),
    (["--resume", "nowhere"], "'nowhere' holds no config.json, so there is nothing to resume"),
    (["--multirun", "seed=0,1", "rounds=1,x"], "'rounds' is 'x', but must be a whole number"),
    (["--multirun", "strategy=fedavg,fedvag"], "unknown strategy 'fedvag'; did you mean 'fedavg'?"),
    (["--multirun", "task.momentum=interval(0,1)"], "is no list of values; write KEY=A,B,C"),
    (["protocol=camera_strict"], "under protocol 'camera_strict' every site numbers people for itself"),
    (["protocol=camera_strict", "strategy=cgpr"], "keeps identity centres at the site"),
    (["strategy=fednova"], "momentum is kept across rounds, which reaches further; write task.keep_momentum"),
    (["data=regdb_llcm_to_sysu"], "has no clients under protocol 'camera'; use one of: entity, sharing"),
    (["protocol=sharing", "data.declared=camera"], "the data are declared for protocol 'camera'"),
    (["weights=nowhere.pth"], "'weights' is 'nowhere.pth', but there is no such file"),
    (["engine.device=cuda:7"], "'engine.device' is 'cuda:7', but this machine has"),
    (["protocol="], "'protocol=' chooses nothing; write one of: camera, camera_strict, entity, sharing"),
    (["strategy="], "'strategy=' chooses nothing; write one of: apfl, "),
    (["hydra.run.dir="], "'hydra.run.dir=' names no folder or file; write one behind it, or leave it out"),
    (["hydra.run.dir=''"], "names no folder or file"),
    (["--multirun", "seed=0,1", "hydra.sweep.dir="], "'hydra.sweep.dir=' names no folder"),
    (["data.root="], "'data.root=' names no folder"),
    (["weights="], "'weights=' names no folder or file"),
    (["public.root=", "strategy=feddf"], "'public.root=' names no folder"),
    (["data.root=nowhere"], "nowhere' is not a folder; expected the root of SYSU-MM01"),
]


@pytest.mark.parametrize(("words", "expected"), NAMES, ids=[" ".join(words) for words, _ in NAMES])
def test_unknown_names_come_with_a_suggestion(isofed: Run, words: list[str], expected: str) -> None:
    refused(isofed(*words), expected)


@pytest.mark.parametrize(("override", "expected"), TYPES, ids=[override for override, _ in TYPES])
def test_wrong_types_are_named(isofed: Run, override: str, expected: str) -> None:
    refused(isofed("simulate", override), expected)


@pytest.mark.parametrize(("override", "expected"), RANGES, ids=[override for override, _ in RANGES])
def test_values_out_of_range_are_named(isofed: Run, override: str, expected: str) -> None:
    refused(isofed("simulate", override), expected)


@pytest.mark.parametrize(("name", "value"), OPTIONS, ids=[f"{name}={value}" for name, value in OPTIONS])
def test_every_documented_range_of_the_task_holds(name: str, value: float) -> None:
    kind = type(getattr(ReidOptions(), name))
    with pytest.raises(ConfigError, match=f"^task: '{name}' is {kind(value)}, but must lie between "):
        read(ReidOptions, {name: kind(value)}, "task")


def test_every_number_of_the_task_has_a_range() -> None:
    numbers = {f.name for f in fields(ReidOptions) if f.type in (int, float)}
    assert numbers == set(RANGED)
    assert numbers == {name for name, _ in OPTIONS}


@pytest.mark.parametrize(("words", "expected"), MALFORMED, ids=[" ".join(words) for words, _ in MALFORMED])
def test_what_makes_no_sense_is_refused(isofed: Run, words: list[str], expected: str) -> None:
    refused(isofed("simulate", *words), expected)


def refused(said: Said, expected: str) -> None:
    """The sentence is as expected and nothing was written."""
    assert expected in said.sentence()
    assert os.listdir() == []


# --- data that are not what they should be


def lists(tree: Path) -> Iterator[Path]:
    """Yield the folders of the training persons at camera 1."""
    numbers = (tree / "exp" / "train_id.txt").read_text().strip().split(",")
    yield from (p for n in numbers if (p := tree / "cam1" / f"{int(n):04d}").is_dir())


def test_an_empty_folder_is_no_tree(isofed: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(isofed("simulate", f"data.root={tmp_path / 'empty'}"), "exp/train_id.txt is missing in")


def test_a_missing_camera_is_a_half_copied_tree(isofed: Run, tree: Path) -> None:
    shutil.rmtree(tree / "cam4")
    refused(isofed("simulate", f"data.root={tree}"), "copy cam4 again")


def test_a_listed_person_without_images_is_a_half_copied_tree(isofed: Run, tree: Path) -> None:
    person = next(lists(tree)).name
    for camera in range(1, 7):
        shutil.rmtree(tree / f"cam{camera}" / person, ignore_errors=True)
    refused(isofed("simulate", f"data.root={tree}"), "1 of 20 persons listed in")


def test_an_empty_image_is_found_before_anything_runs(isofed: Run, tree: Path) -> None:
    next(next(lists(tree)).glob("*.jpg")).write_bytes(b"")
    refused(isofed("simulate", f"data.root={tree}"), "image files under cam1")


def test_a_truncated_image_stops_the_run_without_naming_it(isofed: Run, tree: Path, tmp_path: Path) -> None:
    image = next(next(lists(tree)).glob("*.jpg"))
    image.write_bytes(image.read_bytes()[:200])
    run = tmp_path / "out"
    said = isofed("simulate", *SMALL, f"data.root={tree}", f"hydra.run.dir={run}")
    assert "1 of 32 images of camera 1 cannot be read" in said.sentence()
    assert image.name not in said.err
    unfinished(run)


def test_too_few_identities_for_a_batch(isofed: Run, drawn: Path, tmp_path: Path) -> None:
    words = [*SMALL, "task.batch_identities=60", f"data.root={drawn}", f"hydra.run.dir={tmp_path / 'out'}"]
    sentence = isofed("simulate", *words).sentence()
    assert "cam1 holds 8 identities to train on, but a batch needs 60" in sentence
    unfinished(tmp_path / "out")


def test_fewer_classes_than_the_data_number(isofed: Run, drawn: Path, tmp_path: Path) -> None:
    words = [*SMALL, "task.classes=3", f"data.root={drawn}", f"hydra.run.dir={tmp_path / 'out'}"]
    sentence = isofed("simulate", *words).sentence()
    assert "'task.classes' is 3, but the data number 16" in sentence
    unfinished(tmp_path / "out")


@pytest.mark.parametrize(
    ("task", "expected"), [("reid", "are for task.backbone=resnet50"), ("reid_resnet50", "cannot be read")]
)
def test_weights_that_do_not_fit_are_told_of_before_data_are_drawn(
    isofed: Run, tmp_path: Path, task: str, expected: str
) -> None:
    (tmp_path / "weights.pth").touch()
    words = [f"task={task}", "task.precision=float32", "engine.workers=1", "progress=false"]
    run = tmp_path / "out"
    said = isofed("simulate", *words, f"weights={tmp_path / 'weights.pth'}", f"hydra.run.dir={run}")
    assert expected in said.sentence()
    assert not list(run.glob("data*"))


def test_a_diverging_client_is_named_with_its_round(isofed: Run, drawn: Path, tmp_path: Path) -> None:
    words = [*SMALL, "task.backbone_rate=1e20", f"data.root={drawn}", f"hydra.run.dir={tmp_path / 'out'}"]
    sentence = isofed("simulate", *words).sentence()
    assert "round 1" in sentence
    assert "(cam1, " in sentence
    assert "NaN" in sentence
    unfinished(tmp_path / "out")


def unfinished(run: Path) -> None:
    """Nothing half written is left, and nothing that says the run has finished."""
    assert not (run / "summary.json").exists()
    assert not (run / "report.html").exists()
    assert list(run.rglob("*.partial")) == []


# --- runs that cannot be continued


def test_a_checkpoint_of_another_model_is_refused(isofed: Run, run: Path) -> None:
    cfg = json.loads((run / "config.json").read_text())
    cfg["task"]["dimensions"] = 12
    (run / "config.json").write_text(json.dumps(cfg))
    assert "belongs to configuration" in isofed("simulate", "--resume", str(run)).sentence()
    assert not (run / "summary.json").exists()


def test_a_damaged_checkpoint_is_refused(isofed: Run, run: Path) -> None:
    path = run / "checkpoints" / "round_000001.ckpt"
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)
    assert "checksum" in isofed("simulate", "--resume", str(run)).sentence()
    assert not (run / "summary.json").exists()


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "", "{}", '{"task": 3}'])
def test_a_damaged_configuration_is_refused(isofed: Run, run: Path, text: str) -> None:
    (run / "config.json").write_text(text)
    sentence = isofed("simulate", "--resume", str(run)).sentence()
    assert "damaged" in sentence or "the configuration lacks the group" in sentence


def test_a_damaged_result_is_refused(isofed: Run, run: Path) -> None:
    (run / "result.json").write_text("{")
    assert "result.json' is damaged" in isofed("simulate", "--resume", str(run)).sentence()


def test_another_configuration_in_the_same_folder_is_refused(isofed: Run, run: Path) -> None:
    said = isofed("simulate", *SMALL, "data.seed=1", "rounds=2", f"hydra.run.dir={run}")
    sentence = said.sentence()
    assert "holds a run of another configuration (other data, rounds)" in sentence
    assert f"--resume {run}" in sentence


def test_two_processes_do_not_share_a_folder(isofed: Run, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isofed.simulations.lock.WAIT_SECONDS", 0.2)
    with locked(run):
        assert "another process works in" in isofed("simulate", "--resume", str(run)).sentence()


def test_a_folder_that_cannot_be_written(isofed: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = isofed("simulate", *SMALL, f"hydra.run.dir={tmp_path / 'file' / 'run'}")
    assert "file/run' (" in said.sentence()


# --- real processes, and what Hydra adds


def process(folder: Path, *words: str) -> Said:
    """Run the command as a process of its own in ``folder``."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "isofed", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    return Said(done.returncode, done.stdout, done.stderr)


def fork(folder: Path, *words: str) -> Said:
    """Run it in a process that need not import anything, and stands in ``folder`` as the test does."""
    assert Path.cwd() == folder
    done = completed(main, *words)
    return Said(done.returncode, "", done.stdout.decode())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "override"), [(process, "data.root=nowhere"), (fork, "strategy=fedvag"), (fork, "foo")]
)
def test_a_process_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: Callable[..., Said], override: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert how(tmp_path, "simulate", override).sentence()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_sweep_writes_a_run_for_each_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = fork(tmp_path, "simulate", "--multirun", "seed=0,1", *SMALL, "hydra.sweep.dir=sweep")
    assert said.code == 0, said.err
    summaries = [json.loads((tmp_path / "sweep" / n / "summary.json").read_text()) for n in "01"]
    assert [summary["seed"] for summary in summaries] == [0, 1]
    assert summaries[0]["weights_sha256"] != summaries[1]["weights_sha256"]


@pytest.mark.parametrize(
    "words", [["--help"], ["simulate", "--help"], ["data", "--help"], ["list", "--help"]]
)
def test_help_is_printed(isofed: Run, words: list[str]) -> None:
    said = isofed(*words)
    assert (said.code, said.err) == (0, "")
    assert "isofed" in said.out


@pytest.mark.slow
def test_the_configuration_can_be_shown(tmp_path: Path) -> None:
    said = process(tmp_path, "simulate", "--cfg", "job", "seed=7")
    assert said.code == 0
    assert "seed: 7" in said.out
    assert list(tmp_path.iterdir()) == []
