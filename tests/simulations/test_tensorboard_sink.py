"""What the sink writes is what TensorBoard reads."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from isofed.errors import ConfigError
from isofed.simulations.tensorboard import TensorBoardSink

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events: Any = accumulator.EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def done(round: int, **more: Any) -> dict[str, Any]:
    return {"run": "federated", "round": round, "seconds": 2.0, "loss": {"cam1": 4.0 - round}} | more


def test_rounds_are_read_back(tmp_path: Path) -> None:
    sink = TensorBoardSink(tmp_path)
    sink("round_done", **done(1, metrics=None, bytes={"cam1": {"down": 10, "up": 20}}))
    sink("round_done", **done(2, metrics={"mAP": 0.25, "R1": 0.5}, bytes={"cam1": 30}))
    sink("site_failed", site="cam1")
    sink.close()
    assert read(tmp_path / "federated") == {
        "time/round": [(1, 2.0), (2, 2.0)],
        "loss/cam1": [(1, 3.0), (2, 2.0)],
        "bytes/cam1/down": [(1, 10.0)],
        "bytes/cam1/up": [(1, 20.0)],
        "bytes/cam1": [(2, 30.0)],
        "metrics/mAP": [(2, 0.25)],
        "metrics/R1": [(2, 0.5)],
    }


def test_the_spread_over_draws_stands_beside_the_mean(tmp_path: Path) -> None:
    metrics = {
        "mean": {"mAP": 0.3},
        "spread": {"mAP": 0.02},
        "draw00": {"mAP": 0.28},
        "draw01": {"mAP": 0.32},
    }
    sink = TensorBoardSink(tmp_path)
    sink("round_done", **done(1, metrics=metrics, steps={"cam1": 5}, examples={"cam1": 32}, rate=0.5))
    sink.close()
    told = {tag: value for tag, ((_, value),) in read(tmp_path / "federated").items()}
    assert told == pytest.approx(
        {
            **{"time/round": 2.0, "loss/cam1": 3.0, "steps/cam1": 5, "examples/cam1": 32, "rate": 0.5},
            **{"metrics/mAP": 0.3, "draws/mAP/deviation": 0.02},
            **{"draws/mAP/lowest": 0.28, "draws/mAP/highest": 0.32},
        }
    )


def test_each_run_has_a_folder_and_none_leads_out(tmp_path: Path) -> None:
    sink = TensorBoardSink(tmp_path / "log")
    for run in ("federated", "alone/cam1", "../../elsewhere"):
        sink("round_done", **done(1, run=run))
    sink.close()
    folders = {path.parent.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("events.*")}
    assert folders == {"log/federated", "log/alone/cam1", "log/elsewhere"}


def test_a_watcher_sees_a_round_before_the_run_ends(tmp_path: Path) -> None:
    sink = TensorBoardSink(tmp_path)
    sink("round_done", **done(1))
    assert read(tmp_path / "federated")["loss/cam1"] == [(1, 3.0)]
    sink.close()


def test_a_resumed_run_shows_each_round_once(tmp_path: Path) -> None:
    before = TensorBoardSink(tmp_path)
    for round in (1, 2, 3):
        before("round_done", **done(round, seconds=9.0))
    before.close()
    # files are read in the order of their names, which begin with the second they were made in
    first = next((tmp_path / "federated").iterdir())
    first.rename(first.with_name(first.name.replace("tfevents.", "tfevents.0", 1)))
    after = TensorBoardSink(tmp_path, purge_step=2)
    after("round_done", **done(2))
    after.close()
    assert read(tmp_path / "federated")["time/round"] == [(1, 9.0), (2, 2.0)]


def test_without_tensorboard_one_sentence_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(ConfigError, match=r"pip install 'isofed\[core\]' or set tensorboard=false"):
        TensorBoardSink(tmp_path)


def test_the_sink_needs_no_torch_and_is_imported_without_tensorboard(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from isofed.simulations.tensorboard import TensorBoardSink;"
        "early = 'tensorboard' in sys.modules;"
        "sink = TensorBoardSink(Path(sys.argv[1]));"
        "sink('round_done', run='a', round=1, seconds=1.0); sink.close();"
        "print(early, 'torch' in sys.modules)"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False False"
